// Fields to field blocks (RFC 7541), one encoder for a connection and direction. What a block says of the table
// counts for the next one, so blocks have to be sent in the order in which they were made, each one whole.

import type { FieldsView } from '../../head.ts';
import { EncoderTable } from './encoder-table.ts';
import { GUESSABLE_COOKIE, markOfName, type NameSpec, POLICY, specOf } from './indexing.ts';
import { LONGEST_INTEGER, writeInteger } from './integer.ts';
import { DEFAULT_TABLE_SIZE } from './static-table.ts';
import { writePlain, writeString } from './string.ts';

/** Bytes of a field on the wire besides its name and value: an index or a first byte, and two lengths. */
const FIELD_OVERHEAD = 3 * LONGEST_INTEGER;
/** The two changes of size that may stand at the beginning. */
const UPDATES = 2 * LONGEST_INTEGER;

const LITERAL_INDEXED = 0x40;
const LITERAL = 0x00;
const LITERAL_NEVER = 0x10;

/** A changing value from this length on is sent in Huffman code. */
const WORTH_FOLDING = 128;

/** Fields seen and not indexed yet, by their marks: places for so many of them. */
const SEEN = 128;

export class HpackEncoder {
  readonly #table = new EncoderTable(DEFAULT_TABLE_SIZE);
  readonly #seen = new Int32Array(SEEN);
  /** What the table is to become, and the least that was asked for since the last block. */
  #size = DEFAULT_TABLE_SIZE;
  #least = DEFAULT_TABLE_SIZE;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block tells the peer; ours does not grow over the default. */
  setMaxTableSize(size: number): void {
    this.#size = Math.min(size, DEFAULT_TABLE_SIZE);
    this.#least = Math.min(this.#least, this.#size);
  }

  /** Writes a whole block, two flat lists of names and values after one another. Returns the end. */
  encode(pseudo: readonly string[], headers: FieldsView, out: Buffer, at: number): number {
    let end = this.begin(out, at);
    if (headers.neverIndexed !== undefined) return this.#marked(pseudo, headers, headers.neverIndexed, out, end);
    for (let i = 0; i < pseudo.length; i += 2) end = this.field(pseudo[i] as string, pseudo[i + 1] as string, out, end);
    for (let i = 0; i < headers.length; i += 2)
      end = this.field(headers[i] as string, headers[i + 1] as string, out, end);
    return end;
  }

  /** Some of the fields came as never to be indexed, and go on so. */
  #marked(
    pseudo: readonly string[],
    headers: readonly string[],
    never: ReadonlySet<string>,
    out: Buffer,
    at: number,
  ): number {
    let end = at;
    for (const list of [pseudo, headers]) {
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i] as string;
        const value = list[i + 1] as string;
        end = never.has(name) ? this.#never(name, value, out, end) : this.field(name, value, out, end);
      }
    }
    return end;
  }

  #never(name: string, value: string, out: Buffer, at: number): number {
    const mark = markOfName(name);
    const index = specOf(name, mark)?.index || this.#table.findName(name, mark);
    return literal(LITERAL_NEVER, 0x0f, index, name, value, out, at);
  }

  /** Begins a block: changes of the table's size (RFC 7541 4.2). Returns the end. */
  begin(out: Buffer, at: number): number {
    if (this.#size === this.#table.limit && this.#least >= this.#size) return at;
    let end = at;
    if (this.#least < Math.min(this.#size, this.#table.limit)) {
      this.#table.resize(this.#least);
      end = writeInteger(out, end, 0x20, 0x1f, this.#least);
    }
    this.#table.resize(this.#size);
    this.#least = this.#size;
    return writeInteger(out, end, 0x20, 0x1f, this.#size);
  }

  /** Writes one field of a block that has begun. Returns the end. */
  field(name: string, value: string, out: Buffer, at: number): number {
    const mark = markOfName(name);
    const spec = specOf(name, mark);
    if (spec === null) return this.#repeating(name, value, mark, 0, out, at);
    for (let i = 0; i < spec.values.length; i++) {
      if (spec.values[i] === value) return writeInteger(out, at, 0x80, 0x7f, spec.index + i);
    }
    if (spec.policy === POLICY.REPEATING) return this.#repeating(name, value, mark, spec.index, out, at);
    if (spec.policy === POLICY.CHANGING) return this.#changing(spec, value, mark, out, at);
    if (spec.policy === POLICY.COOKIE && value.length >= GUESSABLE_COOKIE)
      return this.#repeating(name, value, mark, spec.index, out, at);
    return literal(LITERAL_NEVER, 0x0f, spec.index, name, value, out, at);
  }

  #repeating(name: string, value: string, mark: number, staticIndex: number, out: Buffer, at: number): number {
    const found = this.#table.find(name, value, mark);
    if (found > 0) return writeInteger(out, at, 0x80, 0x7f, found);
    const index = staticIndex > 0 ? staticIndex : -found;
    // Of a new name the name alone has to come twice: then it has an entry that later values refer to.
    const seen =
      this.#table.hasRoom(name.length + value.length) && this.#isSeen(index === 0 ? mark : mark ^ markOfValue(value));
    if (!seen) return literal(LITERAL, 0x0f, index, name, value, out, at);
    this.#table.insert(name, value, mark);
    return literal(LITERAL_INDEXED, 0x3f, index, name, value, out, at);
  }

  #changing({ name, index }: NameSpec, value: string, mark: number, out: Buffer, at: number): number {
    const named = index > 0 ? index : this.#table.findName(name, mark);
    // A value that comes once is not worth the time of folding and unfolding it: a quarter of its bytes.
    if (named > 0 && value.length < WORTH_FOLDING)
      return writePlain(value, out, writeInteger(out, at, LITERAL, 0x0f, named));
    if (named > 0 || !this.#table.hasRoom(name.length + value.length))
      return literal(LITERAL, 0x0f, named, name, value, out, at);
    this.#table.insert(name, value, mark);
    return literal(LITERAL_INDEXED, 0x3f, 0, name, value, out, at);
  }

  /** Whether this mark was the last one at its place. */
  #isSeen(mark: number): boolean {
    const place = mark & (SEEN - 1);
    // A place that was never used holds 0.
    const kept = mark | (1 << 31);
    if (this.#seen[place] === kept) return true;
    this.#seen[place] = kept;
    return false;
  }
}

/** At least the bytes that a block of these fields takes. */
export function blockBound(pseudo: readonly string[], headers: readonly string[]): number {
  return UPDATES + boundOf(pseudo) + boundOf(headers);
}

function boundOf(list: readonly string[]): number {
  let bytes = (list.length >> 1) * FIELD_OVERHEAD;
  for (let i = 0; i < list.length; i++) bytes += (list[i] as string).length;
  return bytes;
}

function literal(pattern: number, mask: number, index: number, name: string, value: string, out: Buffer, at: number) {
  let end = writeInteger(out, at, pattern, mask, index);
  if (index === 0) end = writeString(name, out, end);
  return writeString(value, out, end);
}

/** The length and characters of the end and the middle, where values differ that have little in common. */
function markOfValue(value: string): number {
  const { length } = value;
  if (length === 0) return 0x2545f491;
  let mark = length * 0x01000193;
  mark = Math.imul(mark ^ value.charCodeAt(0), 0x01000193);
  mark = Math.imul(mark ^ value.charCodeAt(length - 1), 0x01000193);
  mark = Math.imul(mark ^ value.charCodeAt(Math.max(length - 2, 0)), 0x01000193);
  mark = Math.imul(mark ^ value.charCodeAt(Math.max(length - 5, 0)), 0x01000193);
  mark = Math.imul(mark ^ value.charCodeAt(length >> 1), 0x01000193);
  mark = Math.imul(mark ^ value.charCodeAt(length >> 2), 0x01000193);
  return mark ^ (mark >>> 15);
}
