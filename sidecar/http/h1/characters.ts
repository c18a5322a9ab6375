// Which bytes may stand where in an HTTP/1 head (RFC 9110 5.6.2, RFC 9112). Tables and one regular
// expression without quantifiers: every check is linear.

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

const TOKEN = new Uint8Array(256);
for (const character of TOKEN_CHARACTERS) TOKEN[character.charCodeAt(0)] = 1;

/** Whether the text is a token: a method, a field name. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
export const FORBIDDEN_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

/** What no request target has: white space, control bytes, and bytes beyond ASCII (RFC 3986 2, RFC 9112 3.2). */
const NOT_IN_TARGET = /[^!-~]/;

/** A request target as sent. */
export function isTarget(text: string): boolean {
  return text.length > 0 && !NOT_IN_TARGET.test(text);
}

/** The value of canonical digits up to 2^53 - 1, or -1. A number is digits only; "+5", "5 ", "" are none. */
export function digits(text: string): number {
  if (text.length === 0 || text.length > 16) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) - 48;
    if (code < 0 || code > 9) return -1;
    value = value * 10 + code;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** Optional white space around a field value: SP and HTAB only. */
export function trimOws(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
