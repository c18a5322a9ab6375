// Changes to bytes that know nothing of what the bytes mean.

import type { Random } from '../random.ts';

/** Bytes at the edges of what HPACK and frames are made of. */
const EDGES = [0x00, 0x01, 0x0f, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbe, 0xbf, 0xfe, 0xff];

/** Longer inputs would take the time of many others. */
const LONGEST = 64 * 1024;

export function mutateBytes(bytes: Buffer, random: Random, another: () => Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.chance(0.9) ? random.between(1, 4) : random.between(1, 64);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([before, Buffer.of(random.pick(EDGES)), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, Buffer.of(random.below(256)), bytes.subarray(at + 1)]);
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.concat([before, Buffer.alloc(length, random.pick(EDGES)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at, at + length), after]);
    default:
      return Buffer.concat([before, another()]).subarray(0, LONGEST);
  }
}
