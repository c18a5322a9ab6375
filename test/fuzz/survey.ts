// A walk through everything that a reader made of an input: whether it is plain data, how much there is of
// it, and a text that is equal for equal results.

import { Violation } from './target.ts';

export interface Survey {
  /** Objects, lists, maps and their values. */
  readonly parts: number;
  /** Equal for equal results; what functions do is not compared. */
  readonly text: string;
}

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** A result that goes deeper was made by no reader of ours. */
const MOST_DEPTH = 1000;

class Walk {
  parts = 0;
  readonly #pieces: string[] = [];
  readonly #frozen: boolean;

  constructor(frozen: boolean) {
    this.#frozen = frozen;
  }

  get text(): string {
    return this.#pieces.join(' ');
  }

  value(value: unknown, path: string, depth: number): void {
    this.parts++;
    if (depth > MOST_DEPTH) throw new Violation('a result without end', path.slice(0, 100));
    if (typeof value === 'function') this.#pieces.push('function');
    else if (typeof value !== 'object' || value === null) this.#pieces.push(scalar(value));
    else this.#object(value, path, depth);
  }

  #object(value: object, path: string, depth: number): void {
    if (value instanceof Uint8Array) {
      this.#pieces.push(Buffer.from(value).toString('base64'));
      return;
    }
    if (this.#frozen && !Object.isFrozen(value)) throw new Violation('a result that is not frozen', path);
    if (value instanceof Map || value instanceof Set) this.#collection(value, path, depth);
    else if (Array.isArray(value)) this.#list(value, path, depth);
    else this.#record(value, path, depth);
  }

  #collection(value: Map<unknown, unknown> | Set<unknown>, path: string, depth: number): void {
    this.#pieces.push(`${value.size} of`);
    for (const [key, item] of value.entries()) {
      this.value(key, path, depth + 1);
      if (value instanceof Map) this.value(item, `${path}[${String(key)}]`, depth + 1);
    }
  }

  #list(value: readonly unknown[], path: string, depth: number): void {
    if (Object.getPrototypeOf(value) !== Array.prototype) throw new Violation('a list of a strange kind', path);
    this.#pieces.push(`[${value.length}]`);
    for (const [i, item] of value.entries()) this.value(item, `${path}[${i}]`, depth + 1);
  }

  #record(value: object, path: string, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw new Violation('a result that is not plain', path);
    for (const key of Object.keys(value)) {
      if (FORBIDDEN_KEYS.has(key)) throw new Violation('a result with a key that is never allowed', `${path}.${key}`);
      this.#pieces.push(key);
      this.value((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1);
    }
  }
}

function scalar(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Throws a Violation for what is not plain data; with `frozen`, also for what could be changed. */
export function survey(value: unknown, frozen = false): Survey {
  const walk = new Walk(frozen);
  walk.value(value, '', 0);
  return { parts: walk.parts, text: walk.text };
}
