// A discovery server that lost its data says, honestly, that there is nothing: no clusters, no listeners, or
// no endpoints of a service. Where there was something before a new stream began, that is not believed at once.

import type { Clock, Timer } from '../../core/clock.ts';

/** At most one for each full-state type, and one for each name that endpoints are asked for under. */
export class EmptyGuard {
  readonly #clock: Clock;
  readonly #holdMs: number;
  readonly #held = new Map<string, Timer>();

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** Whether an empty state is held back; `apply` runs later unless a fuller one comes. */
  holds(what: string, apply: () => void): boolean {
    if (this.#holdMs === 0) return false;
    this.#held.get(what)?.cancel();
    this.#held.set(
      what,
      this.#clock.after(this.#holdMs, () => {
        this.#held.delete(what);
        apply();
      }),
    );
    return true;
  }

  /** A state that holds something came. */
  filled(what: string): void {
    this.#held.get(what)?.cancel();
    this.#held.delete(what);
  }

  stop(): void {
    for (const timer of this.#held.values()) timer.cancel();
    this.#held.clear();
  }
}
