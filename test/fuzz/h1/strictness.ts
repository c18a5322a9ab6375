// Where our parsers take on purpose what llhttp refuses: a short list, each entry with the rule that allows
// it. Everything else that is taken and that llhttp refuses is a finding.

import { KNOWN_METHODS, type OracleResult } from './llhttp.ts';

/** What llhttp refused, and where. */
interface Refusal {
  readonly error: string;
  /** The line in which it was found, up to there. */
  readonly before: string;
  /** The character at which it was found. */
  readonly character: string;
  /** It was found behind a complete head: in a chunked body or its trailers. */
  readonly inBody: boolean;
  /** Of the last message with a head. */
  readonly status: number;
  readonly fields: readonly string[];
  readonly trailers: readonly string[];
}

interface Allowance {
  readonly name: string;
  readonly rule: string;
  readonly holds: (refusal: Refusal) => boolean;
}

const ALLOWANCES: readonly Allowance[] = [
  {
    name: 'a fragment right after an authority',
    rule: 'RFC 9112 3.2 knows none: refused above the codec, where the path is judged, as after a path',
    holds: ({ error, character }) => error === 'INVALID_URL' && character === '#',
  },
  {
    name: 'a final answer after an interim one that says close',
    rule: 'RFC 9110 15.2: interim answers come before the final one, which alone ends the exchange',
    holds: ({ error, status }) => error === 'CLOSED_CONNECTION' && status >= 100 && status < 200,
  },
  {
    name: 'text of a chunk extension',
    rule: 'RFC 9112 7.1.1: unrecognised extensions are ignored; ours end here, whatever their text',
    holds: ({ before, inBody }) => inBody && /^[0-9A-Fa-f]{1,16};/.test(before),
  },
  {
    name: 'a framing field among the trailers',
    rule: 'RFC 9110 6.5.1: it must not be believed; ours ends here',
    holds: ({ error, before, inBody }) =>
      inBody && (error === 'INVALID_CONTENT_LENGTH' || error === 'INVALID_TRANSFER_ENCODING') && /^[cCtT]/.test(before),
  },
  {
    name: 'a message after one with Connection among its trailers',
    rule: 'RFC 9110 6.5.1: it must not be believed; ours ends here',
    holds: ({ error, trailers }) => error === 'CLOSED_CONNECTION' && /^connection$/im.test(trailers.join('\n')),
  },
  {
    name: 'a message after one with Proxy-Connection',
    rule: 'RFC 9112 C.2.2: a field that nobody should heed; what ends a connection is Connection',
    holds: ({ error, fields }) => error === 'CLOSED_CONNECTION' && /^proxy-connection$/im.test(fields.join('\n')),
  },
];

/**
 * RFC 9110 9.1: any token is a method. llhttp has a fixed list, on which PRI stands for HTTP/2 alone; we take
 * others where an option says so.
 */
export function knowsMethod(method: string): boolean {
  return KNOWN_METHODS.has(method) && method !== 'PRI';
}

/**
 * RFC 9110 5.5 and 5.6.3: optional white space around a value is spaces and tabs. llhttp knows no tab after the
 * value of a field that frames a message, and takes "chunked" and a tab for another coding: what it makes of
 * such a message says nothing.
 */
const TAB_AFTER_FRAMING = /^(?:content-length|transfer-encoding|connection|upgrade):[^\n]*\t[\t ]*\r$/im;

/** Whether llhttp can be asked about these bytes. */
export function isForOracle(input: Buffer): boolean {
  return !input.includes(TAB) || !TAB_AFTER_FRAMING.test(input.toString('latin1'));
}

const TAB = 9;

const NOTHING = { status: 0, fields: [], trailers: [] };

/** The name of what allows it, or null. */
export function allowance({ error, errorAt, messages }: OracleResult, input: Buffer): string | null {
  if (error === null) return null;
  const text = input.toString('latin1');
  const messageAt = messages.findLast(({ complete }) => complete)?.end ?? 0;
  const lineAt = Math.max(text.lastIndexOf('\n', errorAt - 1) + 1, messageAt);
  const before = text.slice(lineAt, errorAt);
  const character = text.charAt(errorAt);
  const inBody = messages.at(-1)?.headComplete === true;
  const { status, fields, trailers } = messages.findLast(({ headComplete }) => headComplete) ?? NOTHING;
  return (
    ALLOWANCES.find((one) => one.holds({ error, before, character, inBody, status, fields, trailers }))?.name ?? null
  );
}
