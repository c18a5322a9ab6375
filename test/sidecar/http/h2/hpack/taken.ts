// A sink that keeps what it is given, and blocks as text.

import { encodeHuffman, huffmanLength } from '../../../../../sidecar/http/h2/hpack/huffman-encode.ts';
import { writeInteger } from '../../../../../sidecar/http/h2/hpack/integer.ts';
import { type Decoded, HpackDecoder } from '../../../../../sidecar/http/h2/hpack/decoder.ts';

export interface TakenField {
  readonly name: string;
  readonly value: string;
  readonly known: number;
  readonly faults: number;
}

export class Taken {
  readonly fields: TakenField[] = [];

  onField(name: string, value: string, known: number, faults: number): void {
    this.fields.push({ name, value, known, faults });
  }

  /** Names and values after one another. */
  get list(): string[] {
    return this.fields.flatMap(({ name, value }) => [name, value]);
  }
}

/** White space between the digits is for the reader. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');
}

/** An integer behind the bits of `pattern`. */
export function integer(pattern: number, mask: number, value: number): Buffer {
  const out = Buffer.alloc(8);
  return out.subarray(0, writeInteger(out, 0, pattern, mask, value));
}

/** A string literal as it is. */
export function plain(text: string): Buffer {
  return Buffer.concat([integer(0, 0x7f, text.length), Buffer.from(text, 'latin1')]);
}

/** A string literal in Huffman code, also where that is longer. */
export function folded(text: string): Buffer {
  const code = huffman(text);
  return Buffer.concat([integer(0x80, 0x7f, code.length), code]);
}

export function huffman(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const out = Buffer.alloc(huffmanLength(bytes, bytes.length) + 1);
  return out.subarray(0, encodeHuffman(bytes, bytes.length, out, 0));
}

export function decodeAll(decoder: HpackDecoder, block: Buffer): { result: Decoded; taken: Taken } {
  const taken = new Taken();
  return { result: decoder.decode(block, 0, block.length, taken), taken };
}

/** What one block says to a decoder that has seen none. */
export function decodeOne(block: Buffer, decoder = new HpackDecoder()): { result: Decoded; taken: Taken } {
  return decodeAll(decoder, block);
}
