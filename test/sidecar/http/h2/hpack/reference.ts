// RFC 7541 once more, written for reading and not for speed: what the decoder must agree with. Tables are
// arrays, strings are made bit by bit, and everything is done anew each time.

import { CODE_LENGTHS, CODES, END_OF_STRING } from '../../../../../sidecar/http/h2/hpack/huffman-code.ts';
import { STATIC_TABLE } from '../../../../../sidecar/http/h2/hpack/static-table.ts';

export type Pair = readonly [name: string, value: string];

/** The block is malformed. */
export class CompressionError extends Error {}

const SYMBOLS = new Map(
  Array.from(CODES, (code, symbol) => [code.toString(2).padStart(CODE_LENGTHS[symbol] as number, '0'), symbol]),
);

export class ReferenceDecoder {
  table: Pair[] = [];
  /** Bytes that the table may take, and that our SETTINGS allow. */
  limit = 4096;
  allowed = 4096;
  least = 4096;

  setMaxTableSize(size: number): void {
    this.allowed = size;
    this.least = Math.min(this.least, size);
  }

  get bytes(): number {
    return this.table.reduce((sum, pair) => sum + sizeOf(pair), 0);
  }

  decode(block: Buffer): Pair[] {
    const reader = new Reader(block);
    let owes = this.limit > this.least;
    while (!reader.ended && reader.peek() >> 5 === 1) {
      const size = reader.integer(5);
      if (size > this.allowed) throw new CompressionError('larger than allowed');
      if (size <= this.least) owes = false;
      this.limit = size;
      this.#evict(0);
    }
    this.least = this.allowed;
    if (owes) throw new CompressionError('a smaller table was due');
    const pairs: Pair[] = [];
    while (!reader.ended) pairs.push(this.#field(reader));
    return pairs;
  }

  #field(reader: Reader): Pair {
    const first = reader.peek();
    if (first >> 7 === 1) return this.#at(reader.integer(7));
    if (first >> 6 === 1) {
      const pair = this.#literal(reader, 6);
      this.#evict(sizeOf(pair));
      if (sizeOf(pair) <= this.limit) this.table.unshift(pair);
      return pair;
    }
    if (first >> 5 === 1) throw new CompressionError('a change of size behind a field');
    return this.#literal(reader, 4);
  }

  #literal(reader: Reader, prefix: number): Pair {
    const index = reader.integer(prefix);
    const name = index === 0 ? reader.string() : this.#at(index)[0];
    return [name, reader.string()];
  }

  #at(index: number): Pair {
    const entry = STATIC_TABLE[index - 1];
    if (entry !== undefined) return [entry.name, entry.value];
    const pair = this.table[index - STATIC_TABLE.length - 1];
    if (index === 0 || pair === undefined) throw new CompressionError('no such entry');
    return pair;
  }

  #evict(size: number): void {
    while (this.table.length > 0 && this.bytes + size > this.limit) this.table.pop();
  }
}

export function sizeOf([name, value]: Pair): number {
  return name.length + value.length + 32;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  peek(): number {
    if (this.ended) throw new CompressionError('the block ends too soon');
    return this.#bytes[this.#at] as number;
  }

  integer(prefix: number): number {
    const mask = 2 ** prefix - 1;
    const start = this.#byte() & mask;
    if (start < mask) return start;
    let sum = BigInt(mask);
    for (let i = 0n; i < 5n; i++) {
      const byte = this.#byte();
      sum += BigInt(byte & 127) << (7n * i);
      if (byte >= 128) continue;
      if (sum > 2n ** 31n) throw new CompressionError('the integer is too large');
      return Number(sum);
    }
    throw new CompressionError('the integer is too long');
  }

  string(): string {
    const folded = this.peek() >= 128;
    const length = this.integer(7);
    if (this.#at + length > this.#bytes.length) throw new CompressionError('the string ends too late');
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return folded ? unfold(bytes) : bytes.toString('latin1');
  }

  #byte(): number {
    const byte = this.peek();
    this.#at++;
    return byte;
  }
}

function unfold(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const symbols: number[] = [];
  let code = '';
  for (const bit of bits) {
    code += bit;
    const symbol = SYMBOLS.get(code);
    if (symbol === undefined) continue;
    if (symbol === END_OF_STRING) throw new CompressionError('the end of the string is in it');
    symbols.push(symbol);
    code = '';
  }
  if (code.length > 7 || code.includes('0')) throw new CompressionError('padding');
  return Buffer.from(symbols).toString('latin1');
}
