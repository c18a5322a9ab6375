// A clock that a test moves by hand. Calls that fall due run in the order of their time.

import type { Clock, Timer } from '../core/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both scales on, running what falls due on the way. */
  advance(ms: number): void;
  /** Calls that wait. */
  readonly pending: number;
}

interface Waiting {
  at: number;
  readonly ms: number;
  readonly run: () => void;
}

export function manualClock(wallStart = Date.UTC(2026, 10, 1), random: () => number = () => 0.5): ManualClock {
  let now = 1000;
  const waiting = new Set<Waiting>();
  const next = (until: number) => [...waiting].filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0];
  const after = (ms: number, run: () => void): Timer => {
    const one: Waiting = { at: now + ms, ms, run };
    waiting.add(one);
    return {
      cancel: () => waiting.delete(one),
      refresh: () => {
        one.at = now + one.ms;
        waiting.add(one);
      },
    };
  };
  return {
    now: () => now,
    turn: () => now,
    wall: () => wallStart + now,
    turnWall: () => wallStart + now,
    random,
    after,
    deadline: after,
    advance(ms) {
      const until = now + ms;
      for (let due = next(until); due !== undefined; due = next(until)) {
        now = Math.max(now, due.at);
        waiting.delete(due);
        due.run();
      }
      now = until;
    },
    get pending() {
      return waiting.size;
    },
  };
}
