// The only source of time and chance. Programs are handed a Clock, so that tests drive time by hand
// and choices can be checked to the digit.

import { Deadlines, type Timer } from './deadlines.ts';

export type { Timer } from './deadlines.ts';

export interface Clock {
  /** Milliseconds on a monotonic scale with an arbitrary start. For durations and deadlines. */
  now(): number;
  /**
   * `now()` as it was when the present turn of the event loop first asked: the same for everything that
   * happens in one turn, and nearly free.
   */
  turn(): number;
  /** Milliseconds since 1970. For certificates, leases on disk and log lines. */
  wall(): number;
  /** `wall()`, likewise: for what is noted of every request. */
  turnWall(): number;
  /** Calls `run` once after `ms` milliseconds. Longer waits than LONGEST_WAIT_MS are cut to it. */
  after(ms: number, run: () => void): Timer;
  /** As `after`, counted from `turn()`: for waits of configured length that are set with every request. */
  deadline(ms: number, run: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
}

/** setTimeout fires at once for waits of 2^31 ms and more. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1;

let turnMs = -1;
let turnWallMs = -1;
const turnIsOver = () => {
  turnMs = -1;
  turnWallMs = -1;
};

/** Asks the system once; the check phase that ends each turn of the loop forgets it. */
function turn(): number {
  if (turnMs < 0) {
    turnMs = performance.now();
    setImmediate(turnIsOver);
  }
  return turnMs;
}

function turnWall(): number {
  if (turnWallMs < 0) {
    turn();
    turnWallMs = Date.now();
  }
  return turnWallMs;
}

function after(ms: number, run: () => void): Timer {
  const timeout = setTimeout(run, Math.min(ms, LONGEST_WAIT_MS));
  return {
    cancel: () => clearTimeout(timeout),
    refresh: () => {
      timeout.refresh();
    },
  };
}

const deadlines = new Deadlines({ now: () => performance.now(), after }, turn);

export const systemClock: Clock = {
  now: () => performance.now(),
  turn,
  wall: () => Date.now(),
  turnWall,
  random: () => Math.random(),
  after,
  deadline: (ms, run) => deadlines.after(Math.min(ms, LONGEST_WAIT_MS), run),
};
