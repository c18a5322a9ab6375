// Request ids: UUID version 4 (RFC 9562 5.4), cut out of a block of random digits that is refilled when used
// up; one system call serves many ids.

import { randomBytes } from 'node:crypto';

const IDS = 256;
/** Hexadecimal digits of one id. */
const DIGITS = 32;
/** The two bits that say which variant, with the other two of their digit. */
const VARIANT = '89ab';

let digits = '';
let at = 0;

export function newRequestId(): string {
  if (at === digits.length) {
    digits = randomBytes((IDS * DIGITS) / 2).toString('hex');
    at = 0;
  }
  const o = at;
  at += DIGITS;
  const variant = VARIANT.charAt(hexValue(digits.charCodeAt(o + 16)) & 3);
  const front = digits.slice(o, o + 8) + '-' + digits.slice(o + 8, o + 12) + '-4' + digits.slice(o + 13, o + 16) + '-';
  return front + variant + digits.slice(o + 17, o + 20) + '-' + digits.slice(o + 20, o + 32);
}

function hexValue(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
