// Collects a head that arrives in pieces. Grows by doubling, so that a head sent byte by byte costs no
// more than linear copying; the end mark is searched only in what is new.

const HEAD_END = Buffer.from('\r\n\r\n');
const FIRST_SIZE = 1024;

export class HeadBuffer {
  #bytes: Buffer | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#bytes = null;
    this.#length = 0;
  }

  byte(at: number): number {
    return this.#bytes?.[at] ?? -1;
  }

  dropFirst(count: number): void {
    this.#bytes?.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  append(bytes: Buffer, from: number): void {
    const wanted = this.#length + bytes.length - from;
    if (this.#bytes === null || wanted > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_SIZE, wanted * 2));
      this.#bytes?.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#length, from);
    this.#length = wanted;
  }

  /** Index of the empty line's CRLF CRLF, or -1. Bytes before `known` were searched already. */
  endAfter(known: number): number {
    return this.#bytes === null ? -1 : this.#bytes.subarray(0, this.#length).indexOf(HEAD_END, Math.max(0, known - 3));
  }

  text(end: number): string {
    return this.#bytes?.toString('latin1', 0, end) ?? '';
  }
}

/** Where the head that starts at `at` ends in one piece of input, or -1. */
export function headEnd(bytes: Buffer, at: number): number {
  return bytes.indexOf(HEAD_END, at);
}
