// Changes to a text at the level of its lines, its words and its bytes. Knows nothing of a format but what
// its dictionary says.

import type { Random } from './random.ts';

export interface Dictionary {
  /** Words that mean something in the format. */
  readonly words: readonly string[];
  /** Characters that mean something, and some that should not be there. */
  readonly odd: readonly string[];
  /** Ends of lines, good and bad. */
  readonly lineEnds: readonly string[];
}

type Change = (text: string, random: Random, dictionary: Dictionary, other: () => string) => string;

/** `other`: a second text, of which parts are taken over. */
export function mutateText(text: string, random: Random, dictionary: Dictionary, other: () => string): string {
  return random.pick(CHANGES)(text, random, dictionary, other);
}

/** Numbers at whose edges readers differ. */
export const NUMBERS = [
  '0',
  '00',
  '1',
  '-1',
  '+1',
  '05',
  '0x5',
  '1e1',
  '5.0',
  '1_0',
  '127',
  '255',
  '256',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999999',
];

/** Each with its end. */
function lines(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length || at === 0; ) {
    const end = text.indexOf('\n', at) + 1 || text.length + 1;
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}

/** The first line decides most, and is left alone mostly. */
const FIRST = 0.15;

/** One of the places before, between and after so many lines. */
function place(random: Random, count: number): number {
  return count === 0 || random.chance(FIRST) ? 0 : 1 + random.below(count);
}

/** One of so many lines. */
function which(random: Random, count: number): number {
  return count === 1 || random.chance(FIRST) ? 0 : 1 + random.below(count - 1);
}

const duplicateLine: Change = (text, random) => {
  const all = lines(text);
  const at = random.below(all.length);
  all.splice(place(random, all.length), 0, all[at] as string);
  return all.join('');
};

const dropLine: Change = (text, random) => {
  const all = lines(text);
  all.splice(which(random, all.length), 1);
  return all.join('');
};

const swapLines: Change = (text, random) => {
  const all = lines(text);
  const a = which(random, all.length);
  const b = which(random, all.length);
  [all[a], all[b]] = [all[b] as string, all[a] as string];
  return all.join('');
};

const lineOfOther: Change = (text, random, _, other) => {
  const all = lines(text);
  all.splice(place(random, all.length), 0, random.pick(lines(other())));
  return all.join('');
};

/** Characters of a line that stands many times: longer inputs say the same, later. */
const MOST_REPEATED = 20_000;

const repeatLine: Change = (text, random) => {
  const all = lines(text);
  const at = which(random, all.length);
  const line = all[at] as string;
  const most = Math.max(2, Math.min(random.chance(0.1) ? 120 : 12, MOST_REPEATED / line.length));
  all[at] = line.repeat(random.between(2, Math.floor(most)));
  return all.join('');
};

const otherLineEnd: Change = (text, random, { lineEnds }) => {
  const all = lines(text);
  const at = random.below(all.length);
  all[at] = (all[at] as string).replace(/\r?\n$/, '') + random.pick(lineEnds);
  return all.join('');
};

/** The beginning of one and the end of the other. */
const crossOver: Change = (text, random, _, other) => {
  const [mine, theirs] = [lines(text), lines(other())];
  return [...mine.slice(0, place(random, mine.length)), ...theirs.slice(random.below(theirs.length + 1))].join('');
};

const append: Change = (text, _random, _, other) => text + other();

const WORD = /[A-Za-z0-9_.+-]+/y;
const NO_WORD = /[^A-Za-z0-9_.+-]*/y;

/** Changes one word: the next from a place anywhere, or the first. */
function atWord(text: string, random: Random, change: (word: string) => string): string {
  const from = wordFrom(text, random.below(text.length + 1));
  const at = from === text.length ? wordFrom(text, 0) : from;
  WORD.lastIndex = at;
  const found = WORD.exec(text);
  return found === null ? text : text.slice(0, at) + change(found[0]) + text.slice(at + found[0].length);
}

function wordFrom(text: string, from: number): number {
  let at = from;
  while (at > 0 && isWordPart(text.charCodeAt(at - 1)) && from - at < 64) at--;
  NO_WORD.lastIndex = at;
  NO_WORD.exec(text);
  return NO_WORD.lastIndex;
}

function isWordPart(code: number): boolean {
  const lower = code | 32;
  return (lower >= 97 && lower <= 122) || (code >= 48 && code <= 57) || (code >= 43 && code <= 46) || code === 95;
}

const replaceWord: Change = (text, random, { words }) => atWord(text, random, () => random.pick(words));
const replaceNumber: Change = (text, random) => atWord(text, random, () => random.pick(NUMBERS));
const duplicateWord: Change = (text, random, { odd }) => atWord(text, random, (word) => word + random.pick(odd) + word);
const dropWord: Change = (text, random) => atWord(text, random, () => '');
const longWord: Change = (text, random) =>
  atWord(text, random, (word) => word.repeat(Math.ceil(random.between(2, 400) / word.length)));

const changeCase: Change = (text, random) =>
  atWord(text, random, (word) => (random.chance(0.5) ? word.toUpperCase() : word.toLowerCase()));

const nextNumber: Change = (text, random) =>
  atWord(text, random, (word) => (/^\d{1,15}$/.test(word) ? String(Number(word) + random.between(-1, 1)) : `0${word}`));

const insertOdd: Change = (text, random, { odd }) => insertAt(text, random, random.pick(odd));
const insertWord: Change = (text, random, { words }) => insertAt(text, random, random.pick(words));

function insertAt(text: string, random: Random, piece: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + piece + text.slice(at);
}

const insertAnyCharacter: Change = (text, random) =>
  insertAt(text, random, String.fromCharCode(random.below(random.chance(0.5) ? 32 : 256)));

const changeCharacter: Change = (text, random) => {
  const at = random.below(text.length);
  const code = (text.charCodeAt(at) ^ (1 << random.below(8))) & 0xff;
  return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
};

const dropCharacters: Change = (text, random) => {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + text.slice(at + random.between(1, random.chance(0.8) ? 2 : 20));
};

const truncate: Change = (text, random) => text.slice(0, random.below(text.length + 1));

const duplicatePart: Change = (text, random) => {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + text.slice(at, at + random.between(1, 30)).repeat(2) + text.slice(at + 30);
};

const CHANGES: readonly Change[] = [
  duplicateLine,
  duplicateLine,
  dropLine,
  swapLines,
  lineOfOther,
  lineOfOther,
  repeatLine,
  otherLineEnd,
  otherLineEnd,
  crossOver,
  append,
  replaceWord,
  replaceWord,
  replaceWord,
  replaceNumber,
  replaceNumber,
  duplicateWord,
  dropWord,
  longWord,
  changeCase,
  nextNumber,
  insertOdd,
  insertOdd,
  insertOdd,
  insertWord,
  insertAnyCharacter,
  changeCharacter,
  dropCharacters,
  truncate,
  duplicatePart,
];

/** None for one in four: what is valid must stay so. */
export function howManyChanges(random: Random): number {
  const share = random.below(100);
  if (share < 25) return 0;
  if (share < 60) return 1;
  if (share < 80) return 2;
  return random.between(3, 6);
}
