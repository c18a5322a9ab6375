// Collects a head that arrives in pieces. Grows by doubling, so that a head sent byte by byte costs no
// more than linear copying; what was looked through once is not looked through again.

import { HeadScan, MORE } from './head-scan.ts';

const FIRST_SIZE = 1024;

export class HeadBuffer {
  readonly scan = new HeadScan();
  #bytes: Buffer | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.scan.reset();
    this.#bytes = null;
    this.#length = 0;
  }

  byte(at: number): number {
    return this.#bytes?.[at] ?? -1;
  }

  /** Only before anything was looked through. */
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

  /** As HeadScan.run, up to `mostBytes` of the head. */
  look(mostBytes: number, mostLines: number): number {
    if (this.#bytes === null) return MORE;
    return this.scan.run(this.#bytes, 0, Math.min(this.#length, mostBytes), mostLines);
  }

  text(length: number): string {
    return this.#bytes?.toString('latin1', 0, length) ?? '';
  }
}
