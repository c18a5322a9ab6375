// Request ids: UUID version 4 (RFC 9562 5.4), cut out of a text of many of them that is made anew when used up:
// one system call and one string serve them all.

import { randomFillSync } from 'node:crypto';

/** Of one system call at most. The first are few: a sidecar that is asked once does not compile for them. */
const IDS = 256;
const FIRST_IDS = 8;
const FORM = '________-____-4___-____-____________';
/** Bytes of chance for one id. */
const CHANCE = 16;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
/** Where chance goes; the digit of the variant has only two bits of it. */
const PLACES = Uint8Array.from([...FORM].flatMap((character, place) => (character === '_' ? [place] : [])));
const VARIANT = PLACES.indexOf(19);

const chance = Buffer.allocUnsafeSlow(IDS * CHANCE);
const written = Buffer.from(FORM.repeat(IDS), 'latin1');
let ids = '';
let next = FIRST_IDS;
let at = 0;

export function newRequestId(): string {
  if (at === ids.length) {
    ids = writeIds(next);
    next = Math.min(2 * next, IDS);
    at = 0;
  }
  at += FORM.length;
  return ids.slice(at - FORM.length, at);
}

function writeIds(count: number): string {
  randomFillSync(chance, 0, count * CHANCE);
  for (let id = 0; id < count; id++) writeId(id * FORM.length, id * CHANCE);
  return written.toString('latin1', 0, count * FORM.length);
}

function writeId(to: number, from: number): void {
  for (let i = 0; i < PLACES.length; i++) {
    const byte = chance[from + (i >> 1)] as number;
    const digit = (i & 1) === 0 ? byte >> 4 : byte & 15;
    written[to + (PLACES[i] as number)] = HEX[i === VARIANT ? 8 | (digit & 3) : digit] as number;
  }
}
