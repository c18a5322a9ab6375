// The circuit breakers of a worker: counted over all threads where the cluster has a place in the table,
// and by a share of the limits where it has none.

import type { CircuitBreaker, MakeBreaker } from './limits.ts';
import type { SlotChange } from './limit-slots.ts';
import { DividedBreaker, type LimitTable, SharedBreaker } from './shared-limits.ts';

export class WorkerBreakers {
  readonly #table: LimitTable;
  readonly #thread: number;
  readonly #slots = new Map<string, number>();

  constructor(table: LimitTable, thread: number, slots: readonly SlotChange[]) {
    this.#table = table;
    this.#thread = thread;
    this.change(slots);
  }

  /** For clusters to come; those that live keep their places. */
  change(changes: readonly SlotChange[]): void {
    for (const [cluster, slot] of changes) {
      if (slot === null) this.#slots.delete(cluster);
      else this.#slots.set(cluster, slot);
    }
  }

  readonly make: MakeBreaker = (cluster, priority, limits): CircuitBreaker => {
    const slot = this.#slots.get(cluster);
    return slot === undefined
      ? new DividedBreaker(limits, this.#table.threads)
      : new SharedBreaker(limits, this.#table, this.#thread, slot, priority);
  };
}
