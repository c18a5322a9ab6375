// A clock that a test moves by hand.

import type { Clock, Timer } from '../../core/clock.ts';

interface Waiting {
  atMs: number;
  readonly waitMs: number;
  readonly run: () => void;
}

export interface ManualClock extends Clock {
  /** Lets time pass; what is due runs in order. */
  pass(ms: number): void;
}

export function manualClock(random: () => number = () => 0.5): ManualClock {
  let now = 0;
  const waiting = new Set<Waiting>();
  return {
    now: () => now,
    wall: () => now,
    random,
    after(ms, run): Timer {
      const entry = { atMs: now + ms, waitMs: ms, run };
      waiting.add(entry);
      return {
        cancel: () => void waiting.delete(entry),
        refresh: () => {
          entry.atMs = now + entry.waitMs;
          waiting.add(entry);
        },
      };
    },
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const next = [...waiting].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        waiting.delete(next);
        now = next.atMs;
        next.run();
      }
      now = end;
    },
  };
}
