// Words that come again and again in heads: field names, hosts. They are found in the text they stand in,
// without cutting them out or hashing them, and what is found is the one copy that the program compares by.

/** Words with one length, first and last character: a short row, so that no client can make it long. */
const ROW = 8;
const ROWS = 1 << 12;

export interface Known {
  /** As it stands in the text. */
  readonly raw: string;
}

export class KnownWords<T extends Known> {
  readonly #rows: (T[] | undefined)[] = new Array(ROWS);
  readonly #longest: number;
  readonly #most: number;
  #count = 0;

  /** `most` words of up to `longest` characters are remembered. */
  constructor(most: number, longest: number) {
    this.#most = most;
    this.#longest = longest;
    this.#rows.fill(undefined);
  }

  /** The word that is `text` from `start` to `end`, or null. */
  find(text: string, start: number, end: number): T | null {
    const row = this.#rows[rowOf(text, start, end)];
    if (row === undefined) return null;
    for (const word of row) {
      if (word.raw.length === end - start && text.startsWith(word.raw, start)) return word;
    }
    return null;
  }

  add(word: T): T {
    const { raw } = word;
    if (this.#count >= this.#most || raw.length > this.#longest || raw.length === 0) return word;
    const at = rowOf(raw, 0, raw.length);
    this.#rows[at] ??= [];
    if (this.#rows[at].length >= ROW) return word;
    this.#rows[at].push(word);
    this.#count++;
    return word;
  }
}

function rowOf(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start);
  const last = text.charCodeAt(end - 1);
  return ((end - start) * 31 + first * 7 + last * 131) & (ROWS - 1);
}

/** The one copy of a text that literals in the program are too: comparing the two costs a pointer. */
export function interned(text: string): string {
  for (const key in { [text]: null }) return key;
  return text;
}
