// String literals (RFC 7541 5.2), written: in Huffman code where that is shorter.

import { encodeHuffman, huffmanLength } from './huffman-encode.ts';
import { writeInteger } from './integer.ts';

type Utf8Write = (this: Buffer, text: string, at: number, length: number) => number;

/** What `write` ends in, without the look-up of the encoding. */
const direct = (Buffer.prototype as { readonly utf8Write?: Utf8Write }).utf8Write;
const utf8Write: Utf8Write =
  direct ??
  function (this: Buffer, text, at, length) {
    return this.write(text, at, length);
  };

/** From here on one call into Node costs less than asking for each character: 3 to 10 ns, by how the text is kept. */
const WORTH_A_CALL = 16;
/** What is no byte is written as a question mark, never as its low bits, which might be a line break. */
const QUESTION_MARK = 63;

/** The bytes of the text under way. As long as the longest so far; a head is bounded before it gets here. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

/** Writes a string literal in Huffman code where that is shorter; the end. */
export function writeString(text: string, out: Buffer, at: number): number {
  const length = read(text);
  const folded = huffmanLength(scratch, length);
  if (folded < length) return encodeHuffman(scratch, length, out, writeInteger(out, at, 0x80, 0x7f, folded));
  const start = writeInteger(out, at, 0, 0x7f, length);
  scratch.copy(out, start, 0, length);
  return start + length;
}

/** Writes a string literal as it is; the end. */
export function writePlain(text: string, out: Buffer, at: number): number {
  const start = writeInteger(out, at, 0, 0x7f, text.length);
  toBytes(text, out, start);
  return start + text.length;
}

/** Takes the text to the scratch; its bytes. */
function read(text: string): number {
  const { length } = text;
  if (length > scratch.length) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(length)));
  toBytes(text, scratch, 0);
  return length;
}

/** One byte a character. */
function toBytes(text: string, out: Buffer, at: number): void {
  const { length } = text;
  if (length >= WORTH_A_CALL && utf8Write.call(out, text, at, length) === length && isAscii(out, at, at + length))
    return;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    out[at + i] = code < 256 ? code : QUESTION_MARK;
  }
}

/** Of a text that is not, UTF-8 has bytes that are not. */
function isAscii(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((bytes[i] as number) >= 0x80) return false;
  return true;
}
