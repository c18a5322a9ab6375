// Lines for stdout or stderr from a thread that does not write them itself. Threads that append to one file
// never tear each other's lines, but a pipe takes a large write in parts: there the primary writes alone.

import type { Clock, Timer } from '../../core/clock.ts';
import { FLUSH_BYTES, type LineSink } from './log-sink.ts';

/** Whole lines, bytes as latin1, and how many they are. */
export type RelayLines = (path: string, text: string, count: number) => void;

export class RelayedSink implements LineSink {
  readonly #path: string;
  readonly #relay: RelayLines;
  readonly #clock: Clock;
  readonly #flushMs: number;
  #waiting = '';
  #count = 0;
  #timer: Timer | null = null;

  constructor(path: string, relay: RelayLines, clock: Clock, flushMs: number) {
    this.#path = path;
    this.#relay = relay;
    this.#clock = clock;
    this.#flushMs = flushMs;
  }

  write(line: string): void {
    this.#waiting += line;
    this.#count++;
    if (this.#waiting.length >= FLUSH_BYTES) this.flushSync();
    else this.#timer ??= this.#clock.after(this.#flushMs, () => this.flushSync());
  }

  flushSync(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting === '') return;
    this.#relay(this.#path, this.#waiting, this.#count);
    this.#waiting = '';
    this.#count = 0;
  }

  /** A stream has no name to be opened by. */
  reopen(): void {}

  drained(): Promise<void> {
    this.flushSync();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.drained();
  }
}
