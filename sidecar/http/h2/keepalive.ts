// Asks the peer of a connection whether it is still there (RFC 9113 6.7), and says when it does not answer.

import type { Clock, Timer } from '../../../core/clock.ts';
import type { FrameSender } from './frame-sender.ts';

export interface KeepaliveTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const QUESTION = Buffer.from('fairlead');

export class Keepalive {
  #timer: Timer;
  readonly #sender: FrameSender;
  readonly #times: KeepaliveTimes;
  readonly #clock: Clock;
  readonly #onSilence: () => void;

  constructor(sender: FrameSender, times: KeepaliveTimes, clock: Clock, onSilence: () => void) {
    this.#sender = sender;
    this.#times = times;
    this.#clock = clock;
    this.#onSilence = onSilence;
    this.#timer = clock.after(times.intervalMs, () => this.#ask());
  }

  #ask(): void {
    this.#sender.ping(false, QUESTION, 0);
    this.#timer = this.#clock.after(this.#times.timeoutMs, this.#onSilence);
  }

  /** Any acknowledgement will do: none is sent but for a question of ours. */
  onAnswer(): void {
    this.#timer.cancel();
    this.#timer = this.#clock.after(this.#times.intervalMs, () => this.#ask());
  }

  stop(): void {
    this.#timer.cancel();
  }
}
