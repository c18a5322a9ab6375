// The open streams of a connection by their numbers. Numbers rise, and most streams are short: the number itself
// says the place. Not a Map: one that loses and gains entries all the time is made anew again and again, and those
// that it leaves behind keep what they held alive until all of the heap is collected (measured: 100 MB).

import type { Http2Stream } from './stream.ts';

const FIRST_PLACES = 16;

export class StreamTable {
  #places: (Http2Stream | null)[] = new Array<Http2Stream | null>(FIRST_PLACES).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Http2Stream | undefined {
    const places = this.#places;
    const mask = places.length - 1;
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const stream = places[at] as Http2Stream | null;
      if (stream === null) return undefined;
      if (stream.id === id) return stream;
    }
  }

  add(stream: Http2Stream): void {
    // At most half of the places are taken, so that looking for one ends soon.
    if (++this.#size * 2 > this.#places.length) this.#grow();
    this.#put(stream);
  }

  #put(stream: Http2Stream): void {
    const places = this.#places;
    const mask = places.length - 1;
    let at = (stream.id >>> 1) & mask;
    while (places[at] !== null) at = (at + 1) & mask;
    places[at] = stream;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Array<Http2Stream | null>(before.length * 2).fill(null);
    for (const [i, stream] of before.entries()) {
      before[i] = null;
      if (stream !== null) this.#put(stream);
    }
  }

  /** false: it was not there. */
  delete(stream: Http2Stream): boolean {
    const places = this.#places;
    const mask = places.length - 1;
    let at = (stream.id >>> 1) & mask;
    while (places[at] !== stream) {
      if (places[at] === null) return false;
      at = (at + 1) & mask;
    }
    this.#size--;
    this.#close(at);
    return true;
  }

  /** Frees a place; those that follow without a gap and would belong nearer to their own place move up. */
  #close(free: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = free;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const stream = places[at] as Http2Stream | null;
      if (stream === null) break;
      const own = (stream.id >>> 1) & mask;
      if (((at - own) & mask) < ((at - gap) & mask)) continue;
      places[gap] = stream;
      gap = at;
    }
    places[gap] = null;
  }

  /** As they are now, in no order. */
  all(): Http2Stream[] {
    return this.#places.filter((stream) => stream !== null);
  }
}
