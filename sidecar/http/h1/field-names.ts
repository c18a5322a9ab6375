// Field names as the parser meets them: judged once, and then known with all that follows from the name.

import { isToken } from './characters.ts';
import { interned, type Known, KnownWords } from './known.ts';
import { repetition } from './repeated.ts';

/** What the parser does with a field; all but PLAIN concern this hop or its framing. */
export const PLAIN = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const UPGRADE = 5;
export const EXPECT = 6;
export const TE = 7;
/** Ends at this hop, whatever it says (RFC 9110 7.6.1, RFC 7540 3.2.1). */
export const HOP = 8;

const KINDS: ReadonlyMap<string, number> = new Map([
  ['host', HOST],
  ['content-length', CONTENT_LENGTH],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['connection', CONNECTION],
  ['upgrade', UPGRADE],
  ['expect', EXPECT],
  ['te', TE],
  ['keep-alive', HOP],
  ['proxy-connection', HOP],
  // Meant for us or said by us: neither the origin's nor the client's business (RFC 9110 11.7).
  ['proxy-authorization', HOP],
  ['proxy-authenticate', HOP],
  ['http2-settings', HOP],
]);

export interface FieldName extends Known {
  /** In lower case. */
  readonly name: string;
  readonly kind: number;
  readonly repeated: 'refuse' | 'join' | null;
  readonly underscore: boolean;
}

/** Spellings that are remembered, and how long they may be: clients send the same few. */
const known = new KnownWords<FieldName>(1024, 64);

/** The name that is `text` from `start` to `end`; null where that is no token. */
export function fieldName(text: string, start: number, end: number): FieldName | null {
  return known.find(text, start, end) ?? judge(text.slice(start, end));
}

function judge(raw: string): FieldName | null {
  if (!isToken(raw)) return null;
  const name = interned(raw.toLowerCase());
  return known.add({
    raw: interned(raw),
    name,
    kind: KINDS.get(name) ?? PLAIN,
    repeated: repetition(name),
    underscore: name.includes('_'),
  });
}
