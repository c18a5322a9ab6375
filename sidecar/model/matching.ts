// Running the matchers of match.ts. Pure; used by routes, filters and access logs alike, so that a rule
// means the same wherever it stands.

import type { HeaderMatch, QueryMatch, StringMatch } from './match.ts';

export function stringMatches(match: StringMatch, text: string): boolean {
  if (match.kind === 'regex') return match.regex.full(text);
  if (match.ignoreCase) return plainMatches(match.kind, match.value.toLowerCase(), text.toLowerCase());
  return plainMatches(match.kind, match.value, text);
}

function plainMatches(kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string, text: string): boolean {
  switch (kind) {
    case 'exact':
      return text === value;
    case 'prefix':
      return text.startsWith(value);
    case 'suffix':
      return text.endsWith(value);
    default:
      return text.includes(value);
  }
}

/**
 * Envoy's rule: each value of a repeated header is looked at alone and any may match, never the joined
 * text. A missing header matches nothing, not even inverted, except for presence.
 */
export function headerMatches(match: HeaderMatch, values: readonly string[]): boolean {
  const { test } = match;
  if (test.kind === 'present')
    return (values.length > 0 || match.treatMissingAsEmpty) === (test.present !== match.invert);
  if (values.length === 0) {
    return match.treatMissingAsEmpty && valueMatches(test, '') !== match.invert;
  }
  return values.some((value) => valueMatches(test, value)) !== match.invert;
}

function valueMatches(test: Exclude<HeaderMatch['test'], { kind: 'present' }>, value: string): boolean {
  if (test.kind === 'string') return stringMatches(test.match, value);
  const number = integer(value);
  return number !== null && number >= test.start && number < test.end;
}

/** Signs, leading zeros and surrounding blanks are taken, as Envoy's parser does; fractions are not. */
function integer(text: string): number | null {
  const trimmed = text.trim();
  return /^[+-]?\d{1,18}$/.test(trimmed) ? Number(trimmed) : null;
}

/** Parameters of a query in order; the first of a name counts. Names and values stay percent-encoded. */
export function queryParameters(path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const start = path.indexOf('?');
  if (start === -1) return found;
  for (const part of path.slice(start + 1).split('&')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    if (!found.has(name)) found.set(name, equals === -1 ? '' : part.slice(equals + 1));
  }
  return found;
}

export function queryMatches(rules: readonly QueryMatch[], path: string): boolean {
  if (rules.length === 0) return true;
  const parameters = queryParameters(path);
  return rules.every((rule) => {
    const value = parameters.get(rule.name);
    if (value === undefined) return !rule.present;
    return rule.present && (rule.value === null || stringMatches(rule.value, value));
  });
}

/** Values of one cookie, in order. */
export function cookieValues(cookieHeaders: readonly string[], name: string): string[] {
  return cookieHeaders
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, '$1'));
}
