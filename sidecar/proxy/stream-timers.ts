// The limits of time of one request: how long nothing may happen, how long the request may take to arrive, how
// long all of it may last. A connection has one of these and hands it from request to request: the timer of
// idleness stays set over them and is set again only when it fires, so that a request costs it two numbers.

import type { Clock, Timer } from '../../core/clock.ts';

export interface TimedStream {
  onIdle(): void;
  onRequestTimeout(): void;
  onTooLong(): void;
}

export class StreamTimers {
  #stream: TimedStream | null = null;
  #idleMs = 0;
  #touched = 0;
  #idleTimer: Timer | null = null;
  /** When the timer of idleness fires. */
  #looksAt = 0;
  #requestTimer: Timer | null = null;
  #durationTimer: Timer | null = null;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A request begins. Times in milliseconds; 0: no limit. */
  start(stream: TimedStream, idleMs: number, requestMs: number): void {
    this.#stream = stream;
    if (requestMs > 0) this.#requestTimer = this.#clock.deadline(requestMs, () => this.#stream?.onRequestTimeout());
    this.limitIdle(idleMs);
  }

  /** A sign of life. */
  touch(): void {
    this.#touched = this.#clock.turn();
  }

  limitIdle(ms: number): void {
    this.#idleMs = ms;
    this.touch();
    if (ms > 0 && (this.#idleTimer === null || this.#looksAt > this.#touched + ms)) this.#lookIn(ms);
  }

  #lookIn(ms: number): void {
    this.#idleTimer?.cancel();
    this.#looksAt = this.#clock.now() + ms;
    this.#idleTimer = this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    this.#idleTimer = null;
    if (this.#stream === null || this.#idleMs === 0) return;
    const left = this.#touched + this.#idleMs - this.#clock.now();
    if (left > 1) this.#lookIn(left);
    else this.#stream.onIdle();
  }

  limitDuration(ms: number): void {
    this.#durationTimer?.cancel();
    this.#durationTimer = ms === 0 ? null : this.#clock.after(ms, () => this.#stream?.onTooLong());
  }

  /** The whole request is here. */
  requestDone(): void {
    this.#requestTimer?.cancel();
    this.#requestTimer = null;
  }

  /** The request is over; the timer of idleness waits for the next one. */
  stop(): void {
    this.#stream = null;
    this.requestDone();
    this.#durationTimer?.cancel();
    this.#durationTimer = null;
  }

  /** The connection is gone. */
  close(): void {
    this.stop();
    this.#idleTimer?.cancel();
    this.#idleTimer = null;
  }
}
