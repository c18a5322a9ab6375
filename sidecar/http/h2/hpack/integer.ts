// Integers with a prefix (RFC 7541 5.1), written.

/** Bytes that any of ours takes: lengths and indices are below 2^31. */
export const LONGEST_INTEGER = 6;

/** Writes `value` behind the bits of `pattern`; `mask` are the bits that it has of the first byte. Returns the end. */
export function writeInteger(out: Uint8Array, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  out[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[at] = rest;
  return at + 1;
}
