// The bytes of bodies that wait in this process: for a connection, for another try, or for somebody who reads
// or answers slowly. Each place that holds some has a bound of its own; this is the bound of all of them
// together. Where it is reached nothing is aborted: new requests are refused, what is only kept for another
// try is let go, and whoever would add to it is not read from until there is somewhere to put it.
//
// Counted by plain numbers. Several threads tell each other in steps, so that a small piece costs nothing more.

import type { SharedCounts } from '../../core/shared-counts.ts';
import { OverloadStats } from '../telemetry/cells/overload.ts';

/** What threads tell each other: so many bytes for each step. */
export const STEP_BYTES = 64 * 1024;

export interface HeldByThreads {
  /** Steps, in the only slot. */
  readonly counts: SharedCounts;
  readonly thread: number;
}

export interface HeldSettings {
  /** Over all threads. */
  readonly limitBytes: number;
  readonly stats: OverloadStats;
  /** Absent: there is one thread. */
  readonly shared?: HeldByThreads | undefined;
}

export class HeldBytes {
  #stats = new OverloadStats();
  #limit = Number.POSITIVE_INFINITY;
  #shared: HeldByThreads | null = null;
  /** Steps that the others know of. */
  #told = 0;

  /** For the program at its start; what is held by then is kept. */
  use({ limitBytes, stats, shared }: HeldSettings): void {
    stats.buffered_bytes = this.bytes;
    stats.buffered_bytes_limit = limitBytes;
    this.#stats = stats;
    this.#limit = limitBytes;
    this.#shared = shared ?? null;
    this.#told = 0;
    this.add(0);
  }

  /** Of this thread. */
  get bytes(): number {
    return this.#stats.buffered_bytes;
  }

  /** Nothing more should be held that can be done without. */
  get full(): boolean {
    return this.#stats.buffered_bytes + this.#others() >= this.#limit;
  }

  #others(): number {
    if (this.#shared === null) return 0;
    return (this.#shared.counts.sum(0) - this.#told) * STEP_BYTES;
  }

  /** Negative: so many bytes are held no more. */
  add(bytes: number): void {
    this.#stats.buffered_bytes += bytes;
    if (this.#shared !== null) this.#tell(this.#shared);
  }

  /** What one place holds changed; `now`, to be remembered for the next change. */
  replace(before: number, now: number): number {
    this.add(now - before);
    return now;
  }

  #tell({ counts, thread }: HeldByThreads): void {
    const steps = Math.floor(this.#stats.buffered_bytes / STEP_BYTES);
    if (steps === this.#told) return;
    counts.add(thread, 0, steps - this.#told);
    this.#told = steps;
  }

  /** A copy that was kept for another try is let go: that request is sent once. */
  dropped(): void {
    this.#stats.copies_dropped++;
  }

  /** Somebody is not read from, since there is no room. */
  stopped(): void {
    this.#stats.reading_stopped++;
  }
}

/** Of this thread: memory is what all of its connections share. */
export const held = new HeldBytes();
