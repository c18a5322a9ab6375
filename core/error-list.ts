// The mistakes of one text, as many as a person reads: behind those stands how many more there are. What is
// not told is not made either, so that a text full of mistakes costs little more than a good one.

import type { ConfigError } from './config-error.ts';

/** Most mistakes that are told of one text. */
export const MOST_ERRORS = 100;

/** The same of mistakes that are made already. */
export function firstOf(errors: readonly ConfigError[]): readonly ConfigError[] {
  const list = new ErrorList();
  for (const error of errors) list.add(() => error);
  return list.all;
}

export class ErrorList {
  readonly #told: ConfigError[] = [];
  #firstUntold: ConfigError | null = null;
  #untold = 0;

  /** `make` is called only where the mistake is told. */
  add(make: () => ConfigError): void {
    if (this.#told.length < MOST_ERRORS) this.#told.push(make());
    else if (this.#untold++ === 0) this.#firstUntold = make();
  }

  get isEmpty(): boolean {
    return this.#told.length === 0;
  }

  /** The last one says how many are missing. */
  get all(): readonly ConfigError[] {
    if (this.#firstUntold === null) return this.#told;
    const mistakes = this.#untold === 1 ? 'one more mistake' : `${this.#untold} more mistakes`;
    const message = `${mistakes}, of which this is the first; only ${MOST_ERRORS} are told`;
    return [...this.#told, { ...this.#firstUntold, path: '', message, suggestion: null, code: 'FL0113' }];
  }
}
