// A sink that keeps what it is given, and blocks as text.

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

export function decodeAll(decoder: HpackDecoder, block: Buffer): { result: Decoded; taken: Taken } {
  const taken = new Taken();
  return { result: decoder.decode(block, 0, block.length, taken), taken };
}

/** What one block says to a decoder that has seen none. */
export function decodeOne(block: Buffer, decoder = new HpackDecoder()): { result: Decoded; taken: Taken } {
  return decodeAll(decoder, block);
}
