// Bytes that wait, in order, packed into slabs: what came in a hundred small pieces takes no more memory than what
// came in one, and all of it comes back when it was used.

import { writeLatin1 } from './latin1.ts';
import { giveBack, newSlab, SLAB_BYTES } from './slabs.ts';
import type { Piece } from './stream.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class SlabQueue {
  readonly #slabs: Buffer[] = [];
  /** Where the first slab's bytes begin, and the last one's end. */
  #from = 0;
  #end = SLAB_BYTES;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Piece, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#end === SLAB_BYTES) this.#grow();
      const to = Math.min(end, at + SLAB_BYTES - this.#end);
      const slab = this.#slabs[this.#slabs.length - 1] as Buffer;
      if (typeof piece === 'string') writeLatin1(piece.slice(at, to), slab, this.#end);
      else piece.copy(slab, this.#end, at, to);
      this.#end += to - at;
      at = to;
    }
    this.#length += end - start;
  }

  #grow(): void {
    this.#slabs.push(newSlab());
    this.#end = 0;
  }

  /** The memory of the first bytes, which lie in it from `headFrom` to `headTo`. */
  get head(): Buffer {
    return this.#slabs[0] ?? NOTHING;
  }

  get headFrom(): number {
    return this.#from;
  }

  get headTo(): number {
    if (this.#slabs.length === 0) return this.#from;
    return this.#slabs.length === 1 ? this.#end : SLAB_BYTES;
  }

  /** So many of the first bytes, at most to `headTo`, were used. */
  consume(bytes: number): void {
    this.#length -= bytes;
    this.#from += bytes;
    if (this.#from < this.headTo && this.#length > 0) return;
    const slab = this.#slabs.shift();
    if (slab !== undefined) giveBack(slab);
    this.#from = 0;
    if (this.#slabs.length === 0) this.#end = SLAB_BYTES;
  }

  clear(): void {
    for (const slab of this.#slabs.splice(0)) giveBack(slab);
    this.#from = 0;
    this.#end = SLAB_BYTES;
    this.#length = 0;
  }
}
