// Chance that can be repeated: the numbers of an execution follow from the run's seed and its own number
// alone, so that a finding is made again by naming both.

export class Random {
  #a: number;
  #b: number;

  constructor(seed: number, execution: number) {
    this.#a = mix(mix(seed ^ 0x9e3779b9) + execution);
    this.#b = mix(this.#a ^ mix(execution + 1));
  }

  /** A whole number of 32 bits (xoroshiro64*). */
  next(): number {
    const a = this.#a;
    const b = this.#b ^ a;
    this.#a = ((a << 26) | (a >>> 6)) ^ b ^ (b << 9);
    this.#b = (b << 13) | (b >>> 19);
    return Math.imul(a, 0x9e3779bb) >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.next() < share * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** So many of a list, in its order, each at most once. */
  some<T>(list: readonly T[], share: number): T[] {
    return list.filter(() => this.chance(share));
  }
}

/** Spreads the bits of a small number over all 32. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
