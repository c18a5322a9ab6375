// The dynamic table of one who reads (RFC 7541 2.3.2 and 4): a ring of entries, the newest first, as many as
// fit into a number of bytes.

import type { TableEntry } from './static-table.ts';

/** Places at first; doubled when they do not do, so that a quiet connection holds little. */
const FIRST_PLACES = 16;

export class DecoderTable {
  #places: (TableEntry | null)[] = [];
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that the entries may take now. */
  get limit(): number {
    return this.#limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** The newest is 0; null: there is none. */
  at(age: number): TableEntry | null {
    if (age >= this.#count) return null;
    return this.#places[(this.#newest - age) & (this.#places.length - 1)] as TableEntry;
  }

  /** One that is larger than the table empties it (RFC 7541 4.4). */
  insert(entry: TableEntry): void {
    this.makeRoom(entry.size);
    if (entry.size > this.#limit) return;
    if (this.#count === this.#places.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#places.length - 1);
    this.#places[this.#newest] = entry;
    this.#bytes += entry.size;
    this.#count++;
  }

  resize(limit: number): void {
    this.#limit = limit;
    this.makeRoom(0);
  }

  /** Lets go of the oldest until `size` bytes more fit, or nothing is left. */
  makeRoom(size: number): void {
    while (this.#count > 0 && this.#bytes + size > this.#limit) {
      const oldest = (this.#newest - this.#count + 1) & (this.#places.length - 1);
      this.#bytes -= (this.#places[oldest] as TableEntry).size;
      this.#places[oldest] = null;
      this.#count--;
    }
  }

  #grow(): void {
    const places: (TableEntry | null)[] = new Array(Math.max(FIRST_PLACES, 2 * this.#count)).fill(null);
    for (let age = 0; age < this.#count; age++) places[this.#count - 1 - age] = this.at(age);
    this.#places = places;
    this.#newest = this.#count - 1;
  }
}
