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

/** Fields seen and not indexed yet, by their marks: places for so many of them, besides the one of each Place. */
const SEEN = 128;

/** Fields of a block, from its beginning, of which is remembered what stood there the last time. */
const PLACES = 32;

/** What was found out about a field at its place: most blocks have the fields of the one before. */
class Place {
  name = '';
  mark = 0;
  spec: NameSpec | null = null;
  /** The last value there that has an index, and that index: in the static table, or below 0 a number of an entry. */
  value = '';
  indexed = 0;
  /** What came there the last time without an index, as a mark. */
  seen = 0;
}

export class HpackEncoder {
  readonly #table = new EncoderTable(DEFAULT_TABLE_SIZE);
  readonly #seen = new Int32Array(SEEN);
  readonly #places: Place[] = [];
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
    const end = this.#begin(out, at);
    if (headers.neverIndexed !== undefined) return this.#marked(pseudo, headers, headers.neverIndexed, out, end);
    return this.#fields(headers, pseudo.length >> 1, out, this.#fields(pseudo, 0, out, end));
  }

  /** The first of them stands at `place` of the block. */
  #fields(list: readonly string[], place: number, out: Buffer, at: number): number {
    let end = at;
    for (let i = 0; i < list.length; i += 2)
      end = this.#field(this.#placeOf(place + (i >> 1)), list[i] as string, list[i + 1] as string, out, end);
    return end;
  }

  /** All fields beyond the last place share it. */
  #placeOf(number: number): Place {
    const at = Math.min(number, PLACES);
    while (at >= this.#places.length) this.#places.push(new Place());
    return this.#places[at] as Place;
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
    let place = 0;
    for (const list of [pseudo, headers]) {
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i] as string;
        const value = list[i + 1] as string;
        const its = this.#placeOf(place++);
        end = never.has(name) ? this.#never(name, value, out, end) : this.#field(its, name, value, out, end);
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
  #begin(out: Buffer, at: number): number {
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

  #field(place: Place, name: string, value: string, out: Buffer, at: number): number {
    if (place.name !== name) meet(place, name);
    else if (place.value === value && place.indexed !== 0) {
      const index = place.indexed > 0 ? place.indexed : this.#table.indexOf(-1 - place.indexed);
      if (index > 0) return writeInteger(out, at, 0x80, 0x7f, index);
    }
    return this.#search(place, value, out, at);
  }

  #search(place: Place, value: string, out: Buffer, at: number): number {
    const { spec, name } = place;
    if (spec === null) return this.#repeating(place, value, 0, out, at);
    for (let i = 0; i < spec.values.length; i++) {
      if (spec.values[i] !== value) continue;
      place.value = value;
      place.indexed = spec.index + i;
      return writeInteger(out, at, 0x80, 0x7f, place.indexed);
    }
    if (spec.policy === POLICY.REPEATING) return this.#repeating(place, value, spec.index, out, at);
    if (spec.policy === POLICY.CHANGING) return this.#changing(spec, value, place.mark, out, at);
    if (spec.policy === POLICY.COOKIE && value.length >= GUESSABLE_COOKIE)
      return this.#repeating(place, value, spec.index, out, at);
    return literal(LITERAL_NEVER, 0x0f, spec.index, name, value, out, at);
  }

  #repeating(place: Place, value: string, staticIndex: number, out: Buffer, at: number): number {
    const { name, mark } = place;
    const found = this.#table.find(name, value, mark);
    if (found > 0) {
      place.value = value;
      place.indexed = -1 - this.#table.numberOf(found);
      return writeInteger(out, at, 0x80, 0x7f, found);
    }
    const index = staticIndex > 0 ? staticIndex : -found;
    // Of a new name the name alone has to come twice: then it has an entry that later values refer to.
    const seen =
      this.#table.hasRoom(name.length + value.length) &&
      this.#isSeen(place, index === 0 ? mark : mark ^ markOfValue(value));
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

  /**
   * Whether this mark was the last one at its place of the block, or the last of those that share a place by their
   * mark. By the mark alone two fields of one block may drive each other out for ever.
   */
  #isSeen(place: Place, mark: number): boolean {
    const shared = mark & (SEEN - 1);
    // A place that was never used holds 0.
    const kept = mark | (1 << 31);
    if (place.seen === kept || this.#seen[shared] === kept) return true;
    place.seen = kept;
    this.#seen[shared] = kept;
    return false;
  }
}

function meet(place: Place, name: string): void {
  place.name = name;
  place.mark = markOfName(name);
  place.spec = specOf(name, place.mark);
  place.indexed = 0;
  place.seen = 0;
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
