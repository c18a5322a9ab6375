// Field lines as text, on their way out. Most fields of a head stand where they stood in the last one, with the
// same value; put together anew, each would be four small strings that live for one write. A line that comes to its
// place a second time is kept in one piece, and from then on it is taken as it is. Twin of familiar.ts.

import type { HeaderList } from '../head.ts';
import { REPEATING } from './familiar.ts';
import type { HeaderCase } from './format.ts';
import { interned } from './known.ts';

/** Places of a head that are remembered, and how long a line may be. */
const PLACES = 32;
const LONGEST = 160;
/** A value that was written less often than this when another one comes changes too often to be kept. */
const WORTH_KEEPING = 16;

export class ReadyLines {
  readonly #names: string[] = new Array(PLACES).fill('');
  readonly #values: string[] = new Array(PLACES).fill('');
  /** '': not met twice. */
  readonly #lines: string[] = new Array(PLACES).fill('');
  readonly #keeps: boolean[] = new Array(PLACES).fill(false);
  /** How often the value was written. */
  readonly #uses = new Uint32Array(PLACES);
  readonly #cased: (name: string) => string;

  constructor(headerCase: HeaderCase) {
    this.#cased = headerCase === 'lower' ? (name) => name : properCase;
  }

  /** `before`, and the lines of all fields. */
  all(before: string, headers: HeaderList): string {
    let text = before;
    for (let i = 0; i < headers.length; i += 2) {
      text += this.line((i >> 1) + 1, headers[i] as string, headers[i + 1] as string);
    }
    return text;
  }

  line(place: number, name: string, value: string): string {
    if (place >= PLACES) return this.#join(name, value);
    if (this.#names[place] !== name) return this.#meet(place, name, value);
    if (!this.#keeps[place]) return this.#join(name, value);
    if (this.#values[place] !== value) return this.#meet(place, name, value);
    this.#uses[place] = (this.#uses[place] as number) + 1;
    const line = this.#lines[place] as string;
    return line !== '' ? line : this.#keep(place);
  }

  /** What stands ready at a place; '' for nothing. */
  ready(place: number): string {
    return this.#lines[place] ?? '';
  }

  #join(name: string, value: string): string {
    return this.#cased(name) + ': ' + value + '\r\n';
  }

  /** Values that identify somebody are not kept beyond their message. */
  #meet(place: number, name: string, value: string): string {
    const isAnother = this.#names[place] === name && this.#lines[place] !== '';
    const isConstant = !isAnother || (this.#uses[place] as number) >= WORTH_KEEPING;
    const keeps = isConstant && REPEATING.has(name) && name.length + value.length <= LONGEST;
    this.#uses[place] = 0;
    this.#names[place] = name;
    this.#keeps[place] = keeps;
    this.#values[place] = keeps ? value : '';
    this.#lines[place] = '';
    return this.#join(name, value);
  }

  #keep(place: number): string {
    const line = interned(this.#join(this.#names[place] as string, this.#values[place] as string));
    this.#lines[place] = line;
    return line;
  }
}

const CASE_CACHE_SIZE = 1024;
const cased = new Map<string, string>();

/** `content-type` -> `Content-Type`, as Envoy's proper_case_words does. */
function properCase(name: string): string {
  const known = cased.get(name);
  if (known !== undefined) return known;
  const text = name.replace(/(?:^|[^a-z0-9])[a-z]/g, (part) => part.toUpperCase());
  if (cased.size < CASE_CACHE_SIZE) cased.set(name, text);
  return text;
}
