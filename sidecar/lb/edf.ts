// Earliest deadline first: every item comes round in proportion to its weight, evenly spread (1-2-3 gives
// c b c a b c, never c c c b b a). The weight is asked for again each time an item is put back.

interface Entry<T> {
  readonly item: T;
  readonly deadline: number;
  /** Who came first goes first among equal deadlines. */
  readonly order: number;
}

/** `weight` gives a number above 0. */
export class Edf<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #weight: (item: T) => number;
  #now = 0;
  #order = 0;

  constructor(items: readonly T[], weight: (item: T) => number) {
    this.#weight = weight;
    for (const item of items) this.#push(item);
  }

  /** The item whose turn it is, which is put back behind the others; null when there is none. */
  next(): T | null {
    const first = this.#pop();
    if (first === null) return null;
    this.#now = first.deadline;
    this.#push(first.item);
    return first.item;
  }

  #push(item: T): void {
    const entry = { item, deadline: this.#now + 1 / this.#weight(item), order: this.#order++ };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent] as Entry<T>)) break;
      heap[at] = heap[parent] as Entry<T>;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry<T> | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts an entry in the place of the first one and lets it down to where it belongs. */
  #sink(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Entry<T>, heap[child] as Entry<T>)) child++;
      if (!before(heap[child] as Entry<T>, entry)) break;
      heap[at] = heap[child] as Entry<T>;
      at = child;
    }
    heap[at] = entry;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
