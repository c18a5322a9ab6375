// Time driven by hand: timers run when the test says so.

import type { Clock, Timer } from '../../../core/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on and runs what is due, in order. */
  pass(ms: number): void;
}

export function manualClock(random: () => number = () => 0.5): ManualClock {
  let now = 0;
  let pending: { at: number; ms: number; run: () => void }[] = [];
  return {
    now: () => now,
    wall: () => 1_700_000_000_000 + now,
    random,
    after(ms, run): Timer {
      const entry = { at: now + ms, ms, run };
      pending.push(entry);
      return {
        cancel: () => {
          pending = pending.filter((other) => other !== entry);
        },
        refresh: () => {
          entry.at = now + ms;
        },
      };
    },
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = pending.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        pending = pending.filter((other) => other !== next);
        now = next.at;
        next.run();
      }
      now = end;
    },
  };
}
