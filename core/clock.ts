// The only source of time and chance. Programs are handed a Clock, so that tests drive time by hand
// and choices can be checked to the digit.

/** A pending call; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
  /** Starts the full wait again, as if the timer had been set now. */
  refresh(): void;
}

export interface Clock {
  /** Milliseconds on a monotonic scale with an arbitrary start. For durations and deadlines. */
  now(): number;
  /** Milliseconds since 1970. For certificates, leases on disk and log lines. */
  wall(): number;
  /** Calls `run` once after `ms` milliseconds. Longer waits than LONGEST_WAIT_MS are cut to it. */
  after(ms: number, run: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
}

/** setTimeout fires at once for waits of 2^31 ms and more. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  after(ms, run) {
    const timeout = setTimeout(run, Math.min(ms, LONGEST_WAIT_MS));
    return {
      cancel: () => clearTimeout(timeout),
      refresh: () => {
        timeout.refresh();
      },
    };
  },
};
