// Counts that several threads keep together, in one block of shared memory. Every thread writes only its own
// part, and whoever asks adds up all parts: nothing can be torn between two threads, and what a thread held
// that died is taken back by clearing its part. One thread alone has a block of one part.

export class SharedCounts {
  readonly memory: SharedArrayBuffer;
  readonly threads: number;
  readonly slots: number;
  readonly #counts: Int32Array;

  /** `memory` is that of the thread that made the counts. */
  constructor(threads: number, slots: number, memory: SharedArrayBuffer | null = null) {
    this.threads = threads;
    this.slots = slots;
    this.memory = memory ?? new SharedArrayBuffer(threads * slots * Int32Array.BYTES_PER_ELEMENT);
    this.#counts = new Int32Array(this.memory);
  }

  add(thread: number, slot: number, by: number): void {
    Atomics.add(this.#counts, thread * this.slots + slot, by);
  }

  /** Over all threads. */
  sum(slot: number): number {
    let total = 0;
    for (let at = slot; at < this.#counts.length; at += this.slots) total += Atomics.load(this.#counts, at);
    return total;
  }

  /** What a thread held that is no more. */
  clear(thread: number): void {
    this.#counts.fill(0, thread * this.slots, (thread + 1) * this.slots);
  }
}
