// One resource type on one stream, as the client sees it: what was asked, what was answered, what to say
// next. Pure bookkeeping (xDS protocol, state of the world); the stream does the sending.

import type { ResourceType } from '../../proto/resources.ts';

export class Subscription {
  readonly type: ResourceType;
  #names: ReadonlySet<string> | null | undefined;
  #nonce = '';
  /** Names of which this stream said that they hold something; '' for the type as a whole. */
  readonly #filled = new Set<string>();

  constructor(type: ResourceType) {
    this.type = type;
  }

  /** Names of the last request; null: wildcard; undefined: nothing was asked yet. */
  get names(): ReadonlySet<string> | null | undefined {
    return this.#names;
  }

  get nonce(): string {
    return this.#nonce;
  }

  /** Whether a request must be sent for these names. Nothing is asked for as long as there is no name. */
  needs(names: ReadonlySet<string> | null | undefined): boolean {
    if (names === undefined) return false;
    if (this.#names === undefined) return names === null || names.size > 0;
    if (names === null || this.#names === null) return names !== this.#names;
    return names.size !== this.#names.size || [...names].some((name) => !this.#names?.has(name));
  }

  asked(names: ReadonlySet<string> | null): void {
    this.#names = names;
    for (const name of this.#filled) if (name !== '' && names?.has(name) === false) this.#filled.delete(name);
  }

  answered(nonce: string): void {
    this.#nonce = nonce;
  }

  filled(name: string): void {
    this.#filled.add(name);
  }

  /** What this stream filled, it may empty: that is meant so. */
  mayEmpty(name: string): boolean {
    return this.#filled.has(name);
  }

  /** Whether a resource of that name was asked for; others are passed over. */
  wants(name: string): boolean {
    return this.#names === null || this.#names?.has(name) === true;
  }
}
