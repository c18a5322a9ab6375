// Field blocks to fields (RFC 7541), straight from the buffer they came in. One decoder for a connection and
// direction, given every block in order: what a block changes in the table counts for all that follow, also
// where nobody wants its fields any more.

import { latin1 } from '../../latin1.ts';
import { DecoderTable } from './decoder-table.ts';
import { faultsOfName, faultsOfValue, NAME_FAULTS } from './field-faults.ts';
import { decodeHuffman, mostDecoded } from './huffman-decode.ts';
import { KNOWN, knownField, LAST_PSEUDO } from './known-field.ts';
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, FIRST_DYNAMIC, STATIC_TABLE, type TableEntry } from './static-table.ts';

/** Who takes the fields of a block, in order. */
export interface FieldSink {
  /** `known` is of KNOWN, `faults` are bits of FAULT; both are 0 for nearly all fields. */
  onField(name: string, value: string, known: number, faults: number): void;
  /** The field that comes next is a literal that is never to be indexed. */
  onNeverIndexed?(name: string): void;
}

/**
 * `too-large`: the list is beyond a bound; the sink got the fields before that, and the table is in step.
 * `compression`: the block is malformed, the table is lost, and with it the connection (COMPRESSION_ERROR).
 */
export type Decoded = 'ok' | 'too-large' | 'compression';

export interface ListLimits {
  /** Names and values and 32 bytes for each field (RFC 9113 6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE). */
  readonly bytes: number;
  readonly fields: number;
}

/** As for HTTP/1 heads. */
export const DEFAULT_LIST_LIMITS: ListLimits = { bytes: 60 * 1024, fields: 100 };

/** The greatest integer, and the most bytes behind its first one. */
const MOST = 2 ** 31;
const CONTINUATION_BYTES = 5;

const NOTHING: Buffer = Buffer.alloc(0);

/** Where Huffman code is unfolded, a name and a value at a time. Grows up to the greatest bound of a decoder. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

export class HpackDecoder {
  readonly #table: DecoderTable;
  readonly #limits: ListLimits;
  /** What is longer is neither delivered nor kept, and need not be unfolded further. */
  #mostUnfolded: number;
  /** What the peer may set its table to: our SETTINGS, once they are acknowledged. */
  #allowed: number;
  /** The least that was allowed since the last block; where the table is larger, an update is owed. */
  #owed: number;

  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #sink: FieldSink | null = null;
  #listBytes = 0;
  #fields = 0;
  #tooLarge = false;
  /** The literal that is read now is one that nobody indexes. */
  #never = false;

  /** The string last read: its bytes, which may be those of the block. */
  #text: Buffer = NOTHING;
  #from = 0;
  #to = 0;

  constructor(maxTableSize = DEFAULT_TABLE_SIZE, limits = DEFAULT_LIST_LIMITS) {
    this.#table = new DecoderTable(Math.min(maxTableSize, DEFAULT_TABLE_SIZE));
    this.#allowed = maxTableSize;
    this.#owed = maxTableSize;
    this.#limits = limits;
    this.#mostUnfolded = Math.max(limits.bytes, maxTableSize);
  }

  /** Bytes of the dynamic table. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** The peer has acknowledged SETTINGS with this size: a smaller table is due at the next block. */
  setMaxTableSize(size: number): void {
    this.#allowed = size;
    this.#owed = Math.min(this.#owed, size);
    this.#mostUnfolded = Math.max(this.#mostUnfolded, size);
  }

  /** Decodes a whole field block. Without a sink only the table is kept in step. */
  decode(block: Buffer, start: number, end: number, sink: FieldSink | null): Decoded {
    this.#bytes = block;
    this.#at = start;
    this.#end = end;
    this.#sink = sink;
    this.#listBytes = 0;
    this.#fields = 0;
    this.#tooLarge = false;
    const read = this.#updates() && this.#all();
    this.#bytes = NOTHING;
    this.#text = NOTHING;
    this.#sink = null;
    if (!read) return 'compression';
    return this.#tooLarge ? 'too-large' : 'ok';
  }

  /** Changes of the table's size stand at the beginning, and one that is owed must (RFC 7541 4.2). */
  #updates(): boolean {
    let owes = this.#table.limit > this.#owed;
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const size = this.#integer(0x1f);
      if (size < 0 || size > this.#allowed) return false;
      this.#table.resize(size);
      if (size <= this.#owed) owes = false;
    }
    this.#owed = this.#allowed;
    return !owes;
  }

  #all(): boolean {
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at] as number;
      if (first >= 0x80) {
        const entry = this.#entry(this.#integer(0x7f));
        if (entry === null) return false;
        if (this.#counts(entry.size)) this.#sink?.onField(entry.name, entry.value, entry.known, entry.faults);
      } else if (first >= 0x40) {
        if (!this.#literal(0x3f, true)) return false;
      } else if (first >= 0x20) return false;
      // With or without 0x10, which forbids an index for good: neither gets into the table.
      else if (!(first < 0x10 ? this.#literal(0x0f, false) : this.#neverIndexed())) return false;
    }
    return true;
  }

  #entry(index: number): TableEntry | null {
    if (index >= FIRST_DYNAMIC) return this.#table.at(index - FIRST_DYNAMIC);
    return index > 0 ? (STATIC_TABLE[index - 1] as TableEntry) : null;
  }

  /** Adds a field to the list; whether it is wanted. */
  #counts(size: number): boolean {
    this.#listBytes += size;
    this.#fields++;
    if (this.#listBytes > this.#limits.bytes || this.#fields > this.#limits.fields) this.#tooLarge = true;
    return !this.#tooLarge;
  }

  #neverIndexed(): boolean {
    this.#never = true;
    const read = this.#literal(0x0f, false);
    this.#never = false;
    return read;
  }

  #literal(mask: number, indexed: boolean): boolean {
    const index = this.#integer(mask);
    if (index < 0) return false;
    if (index === 0) return this.#string(0) && this.#newName(indexed);
    const named = this.#entry(index);
    if (named === null || !this.#string(0)) return false;
    const size = named.name.length + (this.#to - this.#from) + ENTRY_OVERHEAD;
    if (this.#isNeeded(size, indexed)) this.#finish(named.name, named.known, named.faults & NAME_FAULTS, size, indexed);
    return true;
  }

  /** The name was read, and is not made a string before the value was, since it may not be needed. */
  #newName(indexed: boolean): boolean {
    const bytes = this.#text;
    const from = this.#from;
    const to = this.#to;
    // What was unfolded stays where it is, and the value comes behind it.
    const unfolded = bytes === this.#bytes ? 0 : to;
    if (!this.#string(unfolded)) return false;
    const size = to - from + (this.#to - this.#from) + ENTRY_OVERHEAD;
    if (!this.#isNeeded(size, indexed)) return true;
    const name = latin1(bytes, from, to);
    const known = knownField(name);
    const fine = known > KNOWN.NONE && known < LAST_PSEUDO;
    this.#finish(name, known, fine ? 0 : faultsOfName(bytes, from, to), size, indexed);
    return true;
  }

  /** Whether strings have to be made: for the sink, or for the table. */
  #isNeeded(size: number, indexed: boolean): boolean {
    const wanted = this.#counts(size) && this.#sink !== null;
    if (indexed && size > this.#table.limit) this.#table.makeRoom(size);
    return wanted || (indexed && size <= this.#table.limit);
  }

  #finish(name: string, known: number, nameFaults: number, size: number, indexed: boolean): void {
    const value = latin1(this.#text, this.#from, this.#to);
    const faults = nameFaults | faultsOfValue(this.#text, this.#from, this.#to);
    if (indexed) this.#table.insert({ name, value, known, faults, size });
    if (this.#tooLarge) return;
    if (this.#never) this.#sink?.onNeverIndexed?.(name);
    this.#sink?.onField(name, value, known, faults);
  }

  /** Reads a string; one in Huffman code is unfolded to the scratch, from `at` on. */
  #string(at: number): boolean {
    if (this.#at >= this.#end) return false;
    const folded = ((this.#bytes[this.#at] as number) & 0x80) !== 0;
    const length = this.#integer(0x7f);
    if (length < 0 || length > this.#end - this.#at) return false;
    const from = this.#at;
    this.#at += length;
    if (folded) return this.#unfold(from, at);
    this.#text = this.#bytes;
    this.#from = from;
    this.#to = this.#at;
    return true;
  }

  #unfold(from: number, at: number): boolean {
    const most = Math.min(at + mostDecoded(this.#at - from) + 1, this.#mostUnfolded);
    // A name that was unfolded before is in the old one, which the caller holds.
    if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(most)));
    this.#text = scratch;
    this.#from = at;
    this.#to = decodeHuffman(this.#bytes, from, this.#at, scratch, at);
    return this.#to >= 0;
  }

  /** An integer whose first byte has the bits of `mask` for it (RFC 7541 5.1); -1 where it is none of ours. */
  #integer(mask: number): number {
    const value = (this.#bytes[this.#at++] as number) & mask;
    return value < mask ? value : this.#longInteger(value);
  }

  #longInteger(value: number): number {
    for (let i = 0; i < CONTINUATION_BYTES && this.#at < this.#end; i++) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value <= MOST ? value : -1;
    }
    return -1;
  }
}
