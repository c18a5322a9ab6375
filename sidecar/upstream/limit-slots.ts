// Which cluster counts where in the shared table of circuit breakers. The primary alone decides, and tells
// the workers; a place is given anew only when nothing is under way there any more.

import type { LimitTable } from './shared-limits.ts';

/** A cluster and its place; null: there is none, or the cluster is gone. */
export type SlotChange = readonly [cluster: string, slot: number | null];

export class LimitSlots {
  readonly #table: LimitTable;
  readonly #slots = new Map<string, number | null>();
  readonly #taken = new Set<number>();
  /** Where to look first: behind the place that was given last. */
  #next = 0;
  readonly #onFull: (cluster: string) => void;

  /** `onFull` hears of a cluster that got no place, once. */
  constructor(table: LimitTable, onFull: (cluster: string) => void) {
    this.#table = table;
    this.#onFull = onFull;
  }

  /** Every cluster that has a place. */
  get all(): readonly SlotChange[] {
    return [...this.#slots];
  }

  /** What changes when these are the clusters. */
  assign(clusters: Iterable<string>): readonly SlotChange[] {
    const wanted = new Set(clusters);
    const gone = [...this.#slots.keys()].filter((name) => !wanted.has(name));
    for (const name of gone) this.#release(name);
    const fresh = [...wanted].filter((name) => !this.#slots.has(name)).map((name) => this.#give(name));
    return [...gone.map((name) => [name, null] as const), ...fresh];
  }

  #release(name: string): void {
    const slot = this.#slots.get(name);
    this.#slots.delete(name);
    if (typeof slot === 'number') this.#taken.delete(slot);
  }

  #give(name: string): SlotChange {
    const slot = this.#findFree();
    this.#slots.set(name, slot);
    if (slot === null) this.#onFull(name);
    else this.#taken.add(slot);
    return [name, slot];
  }

  #findFree(): number | null {
    if (this.#taken.size >= this.#table.clusters) return null;
    for (let i = 0; i < this.#table.clusters; i++) {
      const slot = (this.#next + i) % this.#table.clusters;
      if (this.#taken.has(slot) || !this.#table.isFree(slot)) continue;
      this.#next = slot + 1;
      return slot;
    }
    return null;
  }
}
