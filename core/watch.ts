// Watch<T>: the latest value and who wants to know. A listener hears of the newest value only; what
// changed in between is of no interest to it.

export type Unsubscribe = () => void;

export interface ReadWatch<T> {
  readonly value: T;
  /** Calls `listener` for every later change; not for the present value. */
  subscribe(listener: (value: T) => void): Unsubscribe;
}

export class Watch<T> implements ReadWatch<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Publishes a value; the same object again is no change. */
  set(value: T): void {
    if (value === this.#value) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  subscribe(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
