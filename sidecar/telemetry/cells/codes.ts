// Responses by status: one array slot each, counted in the hot path and summed into classes when read.

const STATUSES = 600;

export class Codes {
  readonly #counts = new Float64Array(STATUSES);

  /** Statuses outside 100 to 599 are counted nowhere. */
  add(status: number): void {
    if (status >= 100 && status < STATUSES) this.#counts[status] = (this.#counts[status] as number) + 1;
  }

  count(status: number): number {
    return this.#counts[status] ?? 0;
  }

  /** `hundreds` is 1 to 5. */
  ofClass(hundreds: number): number {
    let total = 0;
    for (let status = hundreds * 100; status < hundreds * 100 + 100; status++) total += this.count(status);
    return total;
  }

  total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Every status that was seen, in order. */
  *seen(): Generator<number> {
    for (let status = 100; status < STATUSES; status++) if (this.count(status) !== 0) yield status;
  }

  clear(): void {
    this.#counts.fill(0);
  }
}
