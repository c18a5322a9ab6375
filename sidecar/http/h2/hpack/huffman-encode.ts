// Bytes to Huffman code (RFC 7541 5.2).

import { CODE_LENGTHS, CODES } from './huffman-code.ts';

/** Bits are written two bytes at a time. A longer code, which none of usual text has, is taken in two parts. */
const PART = 16;

/** Bytes that the first `length` bytes take in Huffman code. */
export function huffmanLength(bytes: Uint8Array, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i++) bits += CODE_LENGTHS[bytes[i] as number] as number;
  return Math.ceil(bits / 8);
}

/** Writes the code of the first `length` bytes; the end. */
export function encodeHuffman(bytes: Uint8Array, length: number, out: Uint8Array, at: number): number {
  let waiting = 0;
  let bits = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number;
    let code = CODES[byte] as number;
    let size = CODE_LENGTHS[byte] as number;
    if (size > PART) {
      size -= PART;
      waiting = (waiting << size) | (code >>> PART);
      bits += size;
      if (bits >= 16) {
        bits -= 16;
        out[at++] = waiting >>> (bits + 8);
        out[at++] = waiting >>> bits;
      }
      code &= 0xffff;
      size = PART;
    }
    waiting = (waiting << size) | code;
    bits += size;
    if (bits >= 16) {
      bits -= 16;
      out[at++] = waiting >>> (bits + 8);
      out[at++] = waiting >>> bits;
    }
  }
  if (bits >= 8) {
    bits -= 8;
    out[at++] = waiting >>> bits;
  }
  if (bits > 0) out[at++] = (waiting << (8 - bits)) | (0xff >>> bits);
  return at;
}
