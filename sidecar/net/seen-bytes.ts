// Bytes that were looked at and not taken: one piece of memory that doubles, so that a client that sends them one by
// one does not have all of them copied each time.

const NONE = Buffer.alloc(0);
const SMALLEST = 512;

export class SeenBytes {
  #memory: Buffer = NONE;
  #start = 0;
  #end = 0;

  /** Valid until the next call of `add`. */
  get bytes(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  add(bytes: Buffer): void {
    const length = this.#end - this.#start;
    if (length === 0) {
      // Most come in one piece.
      [this.#memory, this.#start, this.#end] = [bytes, 0, bytes.length];
      return;
    }
    if (this.#end + bytes.length > this.#memory.length) this.#grow(length + bytes.length);
    this.#end += bytes.copy(this.#memory, this.#end);
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST, 2 * needed));
    const length = this.bytes.copy(larger);
    [this.#memory, this.#start, this.#end] = [larger, 0, length];
  }

  /** So many from the front. */
  drop(count: number): void {
    this.#start += count;
  }
}
