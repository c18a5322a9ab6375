// When the state in force goes to disk: changes that come together are written together, and only a state that
// has everything it mentions replaces the one that is there. A start from disk must not find the middle of an
// update. What discovery leaves so for long is what it means, and is written after all.

import type { Clock, Timer } from '../core/clock.ts';
import { isWhole } from './model/whole.ts';
import type { LastGood } from './xds/last-good.ts';
import type { Resources } from './xds/resources.ts';

/** Changes within this time are written together. */
export const SAVE_AFTER_MS = 500;
/** A state that lacks something is held back for so long. */
export const HOLD_MS = 60_000;

export class Saving {
  readonly #disk: LastGood;
  readonly #resources: Resources;
  readonly #clock: Clock;
  #wanted = false;
  #lackingSinceMs: number | null = null;
  #hold: Timer | null = null;

  constructor(disk: LastGood, resources: Resources, clock: Clock) {
    this.#disk = disk;
    this.#resources = resources;
    this.#clock = clock;
  }

  /** What is in force changed. */
  soon(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#clock.after(SAVE_AFTER_MS, () => {
      this.#wanted = false;
      if (this.#isToSave()) void this.#disk.save(this.#resources.updates);
    });
  }

  #isToSave(): boolean {
    if (!isWhole(this.#resources.snapshot.value)) return this.#isHeldLongEnough();
    this.#lackingSinceMs = null;
    this.#hold?.cancel();
    this.#hold = null;
    return true;
  }

  #isHeldLongEnough(): boolean {
    const now = this.#clock.now();
    this.#lackingSinceMs ??= now;
    this.#hold ??= this.#clock.after(HOLD_MS, () => this.soon());
    return now - this.#lackingSinceMs >= HOLD_MS;
  }
}
