// What a peer may send over all streams of a connection. Room is given back as it is used, since what a paused
// stream keeps is bounded by its own window, unless all that may be held in this process is held.

import type { Clock, Timer } from '../../../core/clock.ts';
import { held } from '../held.ts';
import type { FrameSender } from './frame-sender.ts';

/** The window is opened again at half of it. */
const UPDATE_SHARE = 2;
/** While all that may be held is held, it is asked so often whether that has changed (milliseconds). */
const FULL_MS = 100;

export class ReceiveWindow {
  readonly size: number;
  #used = 0;
  #timer: Timer | null = null;
  #closed = false;
  readonly #sender: FrameSender;
  readonly #clock: Clock;

  constructor(size: number, sender: FrameSender, clock: Clock) {
    this.size = size;
    this.#sender = sender;
    this.#clock = clock;
  }

  /** Bytes of DATA came, padding among them. false: more than there was room for. */
  use(bytes: number): boolean {
    this.#used += bytes;
    if (this.#used > this.size) return false;
    if (this.#used * UPDATE_SHARE >= this.size) this.#giveRoom();
    return true;
  }

  /** Where none is at present, later: a peer that has used up its window sends nothing that would remind us. */
  #giveRoom(): void {
    if (this.#closed) return;
    if (held.full) {
      this.#timer ??= this.#clock.after(FULL_MS, () => {
        this.#timer = null;
        this.#giveRoom();
      });
      return;
    }
    this.#sender.windowUpdate(0, this.#used);
    this.#used = 0;
  }

  /** Nothing more is taken. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
