// The streams of a connection that have something to send and may not yet: for want of a window, or because the
// peer reads nothing at all. They take turns, a frame each; one of which nothing is taken for long is given up.

import type { Clock, Timer } from '../../../core/clock.ts';
import type { Output } from './output.ts';
import type { Http2Stream } from './stream.ts';

export class SendQueue {
  readonly #streams = new Set<Http2Stream>();
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #onStalled: (stream: Http2Stream) => void;
  #timer: Timer | null = null;

  constructor(output: Output, clock: Clock, stallMs: number, onStalled: (stream: Http2Stream) => void) {
    this.#output = output;
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#onStalled = onStalled;
  }

  add(stream: Http2Stream): void {
    stream.stalledMs = this.#clock.turn();
    this.#streams.add(stream);
    if (this.#timer === null) this.#lookIn(this.#stallMs);
  }

  /** Of every stream that ends; hardly ever one waits. */
  delete(stream: Http2Stream): void {
    if (this.#streams.size > 0) this.#streams.delete(stream);
  }

  /** Sends what waits, as far as windows and the socket allow. */
  pump(): void {
    let progress = this.#streams.size > 0;
    while (progress && !this.#output.blocked) {
      progress = false;
      for (const stream of this.#streams) {
        const before = stream.wire.sent;
        if (stream.sendWaiting()) progress = true;
        else if (!stream.isWaiting) this.#done(stream);
        if (stream.wire.sent > before) stream.stalledMs = this.#clock.turn();
      }
    }
  }

  #done(stream: Http2Stream): void {
    this.#streams.delete(stream);
    stream.drained();
  }

  #lookIn(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    this.#timer = null;
    let next = Number.POSITIVE_INFINITY;
    for (const stream of [...this.#streams]) {
      const left = stream.stalledMs + this.#stallMs - this.#clock.now();
      if (left > 1) next = Math.min(next, left);
      else this.#onStalled(stream);
    }
    if (Number.isFinite(next)) this.#lookIn(next);
  }

  close(): void {
    this.#timer?.cancel();
    this.#streams.clear();
  }
}
