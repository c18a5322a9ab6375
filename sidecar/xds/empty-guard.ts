// A discovery server that lost its data says, honestly, that there is nothing. An empty full state on a
// new stream, where there was something before, is therefore not believed at once.

import type { Clock, Timer } from '../../core/clock.ts';
import type { ResourceType } from '../../proto/resources.ts';

export class EmptyGuard {
  readonly #clock: Clock;
  readonly #holdMs: number;
  /** The stream that last said a type holds something. */
  readonly #filledBy = new Map<ResourceType, object>();
  readonly #held = new Map<ResourceType, Timer>();

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /**
   * Whether an empty state is held back while something is in force; `apply` runs later unless a fuller
   * state comes. What the same stream filled, it may empty: that is meant so.
   */
  holds(type: ResourceType, stream: object, apply: () => void): boolean {
    if (this.#filledBy.get(type) === stream || this.#holdMs === 0) return false;
    this.#held.get(type)?.cancel();
    this.#held.set(
      type,
      this.#clock.after(this.#holdMs, () => {
        this.#held.delete(type);
        apply();
      }),
    );
    return true;
  }

  /** A full state that holds something came over this stream. */
  filled(type: ResourceType, stream: object): void {
    this.#held.get(type)?.cancel();
    this.#held.delete(type);
    this.#filledBy.set(type, stream);
  }

  stop(): void {
    for (const timer of this.#held.values()) timer.cancel();
    this.#held.clear();
  }
}
