// Bursts of events become one: wait for quiet, but not for ever.

import type { Clock, Timer } from './clock.ts';

export interface DebounceLimits {
  /** Time without a further poke after which `run` is called. */
  readonly quietMs: number;
  /** Longest time from the first poke to the call. */
  readonly longestMs: number;
}

export interface Debounced {
  poke(): void;
  cancel(): void;
}

export function debounce(clock: Clock, { quietMs, longestMs }: DebounceLimits, run: () => void): Debounced {
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
      timer = clock.after(Math.max(0, Math.min(quietMs, first + longestMs - now)), fire);
    },
  };
}
