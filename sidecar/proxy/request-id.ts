// Request ids: UUID version 4 (RFC 9562 5.4), made from a block of random bytes that is refilled when used
// up; one system call serves many ids.

import { randomFillSync } from 'node:crypto';

const BLOCK = Buffer.alloc(16 * 256);
let at = BLOCK.length;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function newRequestId(): string {
  if (at === BLOCK.length) {
    randomFillSync(BLOCK);
    at = 0;
  }
  const b = BLOCK;
  const o = at;
  at += 16;
  const h = (i: number) => HEX[b[o + i] as number] as string;
  const version = HEX[((b[o + 6] as number) & 0x0f) | 0x40] as string;
  const variant = HEX[((b[o + 8] as number) & 0x3f) | 0x80] as string;
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${version}${h(7)}-${variant}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}`;
}
