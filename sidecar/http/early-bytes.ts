// Bytes that came before their turn: what a client sent ahead of the answer to its last request. One piece stays
// as it came where its memory does; several are copied into memory that grows by doubling, so that a client which sends byte by byte
// costs no more than linear copying.

import { ownCopy } from './slabs.ts';

const EMPTY = Buffer.alloc(0);

export class EarlyBytes {
  #bytes: Buffer = EMPTY;
  #length = 0;
  readonly #mostSpare: number;

  /** No memory is taken beyond `mostSpare` bytes that nothing has come for yet. */
  constructor(mostSpare: number) {
    this.#mostSpare = mostSpare;
  }

  get length(): number {
    return this.#length;
  }

  append(piece: Buffer): void {
    if (this.#length === 0) {
      this.#bytes = ownCopy(piece);
      this.#length = piece.length;
      return;
    }
    const wanted = this.#length + piece.length;
    if (wanted > this.#bytes.length) this.#grow(wanted);
    piece.copy(this.#bytes, this.#length);
    this.#length = wanted;
  }

  /** All of them; nothing is kept. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = EMPTY;
    this.#length = 0;
    return bytes;
  }

  #grow(wanted: number): void {
    const grown = Buffer.allocUnsafeSlow(wanted + Math.min(wanted, this.#mostSpare));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
