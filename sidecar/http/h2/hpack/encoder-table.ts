// The dynamic table of one who writes: the same entries in the same order as the peer's, found by name and
// value. Entries hang in short chains by a mark of their name, the newest first; a Map would intern every
// value it is asked for.

import { ENTRY_OVERHEAD, FIRST_DYNAMIC } from './static-table.ts';

export interface Entry {
  readonly name: string;
  readonly value: string;
  readonly mark: number;
  readonly size: number;
  /** Entries made before it. */
  readonly number: number;
  /** The next in the chain. */
  older: Entry | null;
}

const CHAINS = 64;
/** So far a chain is looked through: names that share a chain are made with ease. */
const LONGEST_WALK = 16;
const FIRST_PLACES = 16;

export class EncoderTable {
  readonly #chains: (Entry | null)[] = new Array(CHAINS).fill(null);
  /** A ring: the entry with number n is at n & mask. */
  #places: (Entry | null)[] = new Array(FIRST_PLACES).fill(null);
  #made = 0;
  #count = 0;
  #bytes = 0;
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** The index of a field, or minus that of one with its name only, or 0. */
  find(name: string, value: string, mark: number): number {
    let named = 0;
    let entry = this.#chains[mark & (CHAINS - 1)] as Entry | null;
    for (let i = 0; entry !== null && i < LONGEST_WALK; i++) {
      if (entry.mark === mark && entry.name === name) {
        if (entry.value === value) return this.indexOf(entry.number);
        if (named === 0) named = -this.indexOf(entry.number);
      }
      entry = entry.older;
    }
    return named;
  }

  /** The index of the newest entry with the name, or 0. */
  findName(name: string, mark: number): number {
    let entry = this.#chains[mark & (CHAINS - 1)] as Entry | null;
    for (let i = 0; entry !== null && i < LONGEST_WALK; i++) {
      if (entry.mark === mark && entry.name === name) return this.indexOf(entry.number);
      entry = entry.older;
    }
    return 0;
  }

  /** Whether an entry of this length leaves most of the others where they are. */
  hasRoom(length: number): boolean {
    return length + ENTRY_OVERHEAD <= this.#limit >> 2;
  }

  insert(name: string, value: string, mark: number): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#makeRoom(size);
    if (this.#count === this.#places.length) this.#grow();
    const chain = mark & (CHAINS - 1);
    const entry = { name, value, mark, size, number: this.#made, older: this.#chains[chain] as Entry | null };
    this.#chains[chain] = entry;
    this.#places[this.#made & (this.#places.length - 1)] = entry;
    this.#made++;
    this.#count++;
    this.#bytes += size;
  }

  resize(limit: number): void {
    this.#limit = limit;
    this.#makeRoom(0);
  }

  /** The index that the entry with this number has now; 0: it is gone. */
  indexOf(number: number): number {
    const age = this.#made - 1 - number;
    return age < this.#count ? FIRST_DYNAMIC + age : 0;
  }

  /** Of the entry that has this index now. */
  numberOf(index: number): number {
    return this.#made - 1 - (index - FIRST_DYNAMIC);
  }

  #makeRoom(size: number): void {
    while (this.#count > 0 && this.#bytes + size > this.#limit) {
      const at = (this.#made - this.#count) & (this.#places.length - 1);
      const oldest = this.#places[at] as Entry;
      this.#places[at] = null;
      this.#unchain(oldest);
      this.#bytes -= oldest.size;
      this.#count--;
    }
  }

  /** The oldest of all is the last of its chain. */
  #unchain(oldest: Entry): void {
    const chain = oldest.mark & (CHAINS - 1);
    let entry = this.#chains[chain] as Entry;
    if (entry === oldest) {
      this.#chains[chain] = null;
      return;
    }
    while (entry.older !== oldest) entry = entry.older as Entry;
    entry.older = null;
  }

  #grow(): void {
    const places: (Entry | null)[] = new Array(2 * this.#places.length).fill(null);
    for (const entry of this.#places) if (entry !== null) places[entry.number & (places.length - 1)] = entry;
    this.#places = places;
  }
}
