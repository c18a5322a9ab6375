// Bursts of changes become one: wait for quiet, but not for ever. Changes of endpoints do not come here.

import type { Clock, Timer } from '../../core/clock.ts';

export const QUIET_MS = 100;
export const LONGEST_MS = 1000;

/** `poke` schedules `run` after QUIET_MS without another poke, LONGEST_MS after the first at the latest. */
export function debounce(clock: Clock, run: () => void): { poke(): void; cancel(): void } {
  let timer: Timer | null = null;
  let first = 0;
  const cancel = () => {
    timer?.cancel();
    timer = null;
  };
  const fire = () => {
    timer = null;
    run();
  };
  return {
    cancel,
    poke: () => {
      const now = clock.now();
      if (timer === null) first = now;
      timer?.cancel();
      timer = clock.after(Math.max(0, Math.min(QUIET_MS, first + LONGEST_MS - now)), fire);
    },
  };
}
