// Text to Huffman code (RFC 7541 5.2). Text is one character a byte; what is no byte is written as a question
// mark, never as its low bits, which might be a line break.

import { CODE_LENGTHS, CODES } from './huffman-code.ts';

const QUESTION_MARK = 63;
/** A longer code is written in two parts, since up to 7 bits of the last one still wait. */
const WHOLE = 24;
const PART = 16;

export function byteAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 256 ? code : QUESTION_MARK;
}

/** Bytes that the text takes in Huffman code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[byteAt(text, i)] as number;
  // Not by bits: a number of 2^31 would turn over.
  return Math.ceil(bits / 8);
}

/** Writes the code of the text; the end. */
export function encodeHuffman(text: string, out: Uint8Array, at: number): number {
  let waiting = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = byteAt(text, i);
    let code = CODES[byte] as number;
    let length = CODE_LENGTHS[byte] as number;
    if (length > WHOLE) {
      length -= PART;
      waiting = (waiting << length) | (code >>> PART);
      for (bits += length; bits >= 8; bits -= 8) out[at++] = waiting >>> (bits - 8);
      length = PART;
      code &= 0xffff;
    }
    waiting = (waiting << length) | code;
    for (bits += length; bits >= 8; bits -= 8) out[at++] = waiting >>> (bits - 8);
  }
  if (bits > 0) out[at++] = (waiting << (8 - bits)) | (0xff >>> bits);
  return at;
}
