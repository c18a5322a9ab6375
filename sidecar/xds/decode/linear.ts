// Which RE2 patterns may run on the engine of the language: those for which it provably needs linear
// time and means the same. Everything else runs on re2js, which is linear by construction but slower.
//
// The proof: text is Latin-1, so the set of characters of every atom is known. A loop whose characters
// cannot begin what follows never has to give back; one loop that may have to (`.*`) is allowed where
// only a bounded number of characters can follow it. Alternatives and bounded repeats multiply; their
// product is limited.

/** Longer patterns are not examined. */
export const LONGEST_PATTERN = 1024;
/** The most ways in which alternatives and bounded repeats may be combined. */
const MOST_WAYS = 16;
const LONGEST_REPEAT = 16;

type CharSet = ReadonlySet<number>;

interface Atom {
  readonly source: string;
  readonly chars: CharSet;
  readonly min: number;
  readonly max: number;
}

interface Choice {
  readonly branches: readonly Sequence[];
  readonly capture: boolean;
}

type Item = Atom | Choice;
type Sequence = readonly Item[];

/** A pattern of the language for a full match, equal to the RE2 pattern; null: not provably linear. */
export function linearPattern(pattern: string): RegExp | null {
  if (pattern.length > LONGEST_PATTERN) return null;
  const reader = new Reader(stripAnchors(pattern));
  const branches = reader.alternatives();
  if (branches === null || !reader.atEnd) return null;
  const whole: Choice = { branches, capture: false };
  return isLinear(whole) ? new RegExp(`^${print(whole)}$`) : null;
}

/** A full match is anchored anyway; `a|b$` keeps its anchor and is not examined further. */
function stripAnchors(pattern: string): string {
  if (pattern.includes('|')) return pattern;
  const start = pattern.startsWith('^') ? 1 : 0;
  const end = /(^|[^\\])(\\\\)*\$$/.test(pattern) ? pattern.length - 1 : pattern.length;
  return pattern.slice(start, end);
}

function print(choice: Choice): string {
  const text = choice.branches
    .map((branch) => branch.map((item) => ('source' in item ? item.source : print(item))).join(''))
    .join('|');
  return choice.capture ? `(${text})` : `(?:${text})`;
}

function isLinear(whole: Choice): boolean {
  if (ways(whole) > MOST_WAYS) return false;
  return whole.branches.every(isLinearSequence);
}

/** How many combinations of branches and bounded repeats there are. */
function ways(item: Item): number {
  if ('source' in item) return item.max === Number.POSITIVE_INFINITY ? 1 : item.max - item.min + 1;
  return item.branches
    .map((branch) => branch.reduce((product, part) => product * ways(part), 1))
    .reduce((a, b) => a + b, 0);
}

function isLinearSequence(sequence: Sequence): boolean {
  for (const [index, item] of sequence.entries()) {
    const rest = sequence.slice(index + 1);
    if ('branches' in item) {
      if (item.branches.some((branch) => !isBounded(branch))) return false;
    } else if (item.max === Number.POSITIVE_INFINITY && !keeps(item, rest) && !isBounded(rest)) return false;
  }
  return true;
}

function isBounded(sequence: Sequence): boolean {
  return sequence.every((item) =>
    'source' in item ? item.max < Number.POSITIVE_INFINITY : item.branches.every(isBounded),
  );
}

/** Nothing that the loop took can be the beginning of what must follow. */
function keeps(loop: Atom, rest: Sequence): boolean {
  const next = rest[0];
  if (next === undefined) return true;
  if ('branches' in next || next.min === 0) return false;
  return !overlap(loop.chars, next.chars);
}

function overlap(a: CharSet, b: CharSet): boolean {
  for (const char of a) if (b.has(char)) return true;
  return false;
}

const ALL = Array.from({ length: 256 }, (_, code) => code);
const chars = (text: string): number[] => Array.from(text, (char) => char.charCodeAt(0));
const range = (from: string, to: string): number[] =>
  ALL.filter((code) => code >= from.charCodeAt(0) && code <= to.charCodeAt(0));
const DIGITS = range('0', '9');
const WORD = [...range('a', 'z'), ...range('A', 'Z'), ...DIGITS, ...chars('_')];
const SPACE = chars('\t\n\f\r ');
const CLASSES: Readonly<Record<string, readonly number[]>> = { d: DIGITS, w: WORD, s: SPACE };
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** A character class of the language for a set of Latin-1 characters. */
function printSet(set: CharSet): string {
  const codes = [...set].sort((a, b) => a - b);
  return `[${codes.map((code) => `\\x${code.toString(16).padStart(2, '0')}`).join('')}]`;
}

/** Recursive descent over the part of RE2's syntax that is worth proving; null: something else. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  alternatives(): Sequence[] | null {
    const branches: Sequence[] = [];
    do {
      const branch = this.#sequence();
      if (branch === null) return null;
      branches.push(branch);
    } while (this.#accept('|'));
    return branches;
  }

  #sequence(): Sequence | null {
    const items: Item[] = [];
    while (!this.atEnd && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      const item = this.#item();
      if (item === null) return null;
      items.push(item);
    }
    return items;
  }

  #item(): Item | null {
    if (this.#accept('(')) return this.#group();
    const set = this.#set();
    if (set === null || set.length === 0) return null;
    const counts = this.#quantifier();
    if (counts === null) return null;
    const charSet = new Set(set);
    return { source: printSet(charSet) + counts.text, chars: charSet, min: counts.min, max: counts.max };
  }

  /** A group without a quantifier: of those that repeat, nothing is proved. */
  #group(): Choice | null {
    const capture = !this.#accept('?:');
    if (capture && this.#text[this.#at] === '?') return null;
    const branches = this.alternatives();
    if (branches === null || !this.#accept(')') || '*+?{'.includes(this.#text[this.#at] ?? ' ')) return null;
    return { branches, capture };
  }

  #set(): readonly number[] | null {
    const char = this.#next();
    if (char === '.') return ALL.filter((code) => code !== 10);
    if (char === '[') return this.#class();
    if (char === '\\') return this.#escape();
    if (char === undefined || '*+?{}^$()|'.includes(char) || char.charCodeAt(0) > 127) return null;
    return chars(char);
  }

  #escape(): readonly number[] | null {
    const char = this.#next() ?? '';
    if (char in CLASSES) return CLASSES[char] ?? null;
    return PUNCTUATION.test(char) ? chars(char) : null;
  }

  #class(): readonly number[] | null {
    const negated = this.#accept('^');
    const found: number[] = [];
    while (!this.#accept(']')) {
      const first = this.#classChar();
      if (first === null) return null;
      if (first.length === 1 && this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']') {
        this.#at++;
        const last = this.#classChar();
        if (last?.length !== 1) return null;
        found.push(...ALL.filter((code) => code >= (first[0] ?? 0) && code <= (last[0] ?? 0)));
      } else found.push(...first);
    }
    return negated ? ALL.filter((code) => !found.includes(code)) : found;
  }

  #classChar(): readonly number[] | null {
    const char = this.#next();
    if (char === undefined || char === '[' || char === ']' || char.charCodeAt(0) > 127) return null;
    return char === '\\' ? this.#escape() : chars(char);
  }

  #quantifier(): { min: number; max: number; text: string } | null {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})/.exec(this.#text.slice(this.#at));
    if (found === null) return this.#text[this.#at] === '{' ? null : { min: 1, max: 1, text: '' };
    this.#at += found[0].length;
    if ('*+?{'.includes(this.#text[this.#at] ?? ' ')) return null;
    if (found[0] === '*') return { min: 0, max: Number.POSITIVE_INFINITY, text: '*' };
    if (found[0] === '+') return { min: 1, max: Number.POSITIVE_INFINITY, text: '+' };
    if (found[0] === '?') return { min: 0, max: 1, text: '?' };
    const min = Number(found[1]);
    const max = found[2] === '' ? min : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
    const sound = min <= LONGEST_REPEAT && max >= min && (max <= LONGEST_REPEAT || max === Number.POSITIVE_INFINITY);
    return sound ? { min, max, text: found[0] } : null;
  }

  #next(): string | undefined {
    return this.#text[this.#at++];
  }

  #accept(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}
