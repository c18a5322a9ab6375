// Leaving without losing a request: readiness goes first, every answer from then on asks for its connection
// to be closed, accepting goes on for those who have not heard yet; the end comes when nothing has been
// under way for a moment, or when the drain time is over.

import type { Clock } from '../core/clock.ts';

export interface Drainable {
  drain(): void;
  /** Requests under way; other threads may have to be asked. */
  active(): number | Promise<number>;
}

/** So long nothing may have been under way before the sockets close. */
const QUIET_MS = 500;
const LOOK_EVERY_MS = 50;

/** Resolves when it is time to close. */
export function drained(target: Drainable, limitMs: number, clock: Clock): Promise<void> {
  target.drain();
  const started = clock.now();
  let quietSince = started;
  return new Promise((resolve) => {
    const look = async () => {
      const active = await target.active();
      const now = clock.now();
      if (active > 0) quietSince = now;
      if (now - quietSince >= Math.min(QUIET_MS, limitMs) || now - started >= limitMs) resolve();
      else clock.after(LOOK_EVERY_MS, () => void look());
    };
    void look();
  });
}
