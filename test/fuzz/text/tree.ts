// A configuration as a tree whose mappings may hold a key twice, and changes to it: what stands where, how
// often, how deep, and of what type.

import type { Random } from '../random.ts';
import { NUMBERS } from '../text-mutation.ts';

export type Scalar = string | number | boolean | null;
export type Tree =
  | { readonly kind: 'scalar'; readonly value: Scalar }
  | { readonly kind: 'list'; readonly items: readonly Tree[] }
  | { readonly kind: 'map'; readonly entries: readonly Entry[] };
export interface Entry {
  readonly key: string;
  readonly value: Tree;
}

export function toTree(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(toTree) };
  if (typeof value !== 'object' || value === null) return { kind: 'scalar', value: (value ?? null) as Scalar };
  return { kind: 'map', entries: Object.entries(value).map(([key, inner]) => ({ key, value: toTree(inner) })) };
}

/** How likely a change is made here, and not further inside. */
const HERE = 0.25;

/** A copy with one change; `words` are keys and values that mean something. */
export function changeTree(tree: Tree, random: Random, words: readonly string[]): Tree {
  if (tree.kind === 'scalar') return otherScalar(random, words);
  if (random.chance(HERE)) return changeHere(tree, random, words);
  if (tree.kind === 'list') return changeItem(tree, random, words);
  if (tree.entries.length === 0) return changeHere(tree, random, words);
  const at = random.below(tree.entries.length);
  const entry = tree.entries[at] as Entry;
  return { ...tree, entries: tree.entries.with(at, { ...entry, value: changeTree(entry.value, random, words) }) };
}

type List = Extract<Tree, { kind: 'list' }>;
type Map = Extract<Tree, { kind: 'map' }>;

function changeItem(tree: List, random: Random, words: readonly string[]): Tree {
  if (tree.items.length === 0) return { ...tree, items: [otherScalar(random, words)] };
  const at = random.below(tree.items.length);
  return { ...tree, items: tree.items.with(at, changeTree(tree.items[at] as Tree, random, words)) };
}

function changeHere(tree: List | Map, random: Random, words: readonly string[]): Tree {
  if (random.chance(0.15)) return wrap(tree, random);
  return tree.kind === 'list' ? changeList(tree, random) : random.pick(MAP_CHANGES)(tree, random, words);
}

function wrap(tree: Tree, random: Random): Tree {
  let wrapped = tree;
  const inList = random.chance(0.5);
  for (let depth = random.pick([1, 1, 2, 40, 70]); depth > 0; depth--)
    wrapped = inList ? { kind: 'list', items: [wrapped] } : { kind: 'map', entries: [{ key: 'a', value: wrapped }] };
  return wrapped;
}

function changeList(tree: List, random: Random): Tree {
  const { items } = tree;
  if (items.length === 0) return { kind: 'scalar', value: null };
  const at = random.below(items.length);
  switch (random.below(4)) {
    case 0:
      return { ...tree, items: items.toSpliced(at, 1) };
    case 1:
      return { ...tree, items: [...items, items[at] as Tree] };
    case 2:
      return { ...tree, items: repeated(items[at] as Tree, random.pick([2, 5, 20, 200])) };
    default:
      return items[at] as Tree;
  }
}

/** Parts of a list that repeats something: long inputs say the same as short ones, later. */
const MOST_PARTS = 150;

function repeated(item: Tree, times: number): Tree[] {
  const most = Math.max(2, Math.floor(MOST_PARTS / partsOf(item)));
  return Array.from({ length: Math.min(times, most) }, () => item);
}

function partsOf(tree: Tree): number {
  if (tree.kind === 'scalar') return 1;
  const inner = tree.kind === 'list' ? tree.items : tree.entries.map(({ value }) => value);
  return inner.reduce((sum, one) => sum + partsOf(one), 1);
}

type MapChange = (tree: Map, random: Random, words: readonly string[]) => Tree;

function oneOf(tree: Map, random: Random): number {
  return random.below(Math.max(tree.entries.length, 1));
}

const dropEntry: MapChange = (tree, random) => ({ ...tree, entries: tree.entries.toSpliced(oneOf(tree, random), 1) });

const repeatEntry: MapChange = (tree, random) => {
  const entry = tree.entries[oneOf(tree, random)];
  return entry === undefined ? tree : { ...tree, entries: [...tree.entries, entry] };
};

const renameKey: MapChange = (tree, random, words) => {
  const at = oneOf(tree, random);
  const entry = tree.entries[at];
  if (entry === undefined) return tree;
  return { ...tree, entries: tree.entries.with(at, { ...entry, key: otherKey(entry.key, random, words) }) };
};

const STRANGE_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  ' ',
  '1',
  'a.b',
  '@type',
];

function otherKey(key: string, random: Random, words: readonly string[]): string {
  if (random.chance(0.3)) return random.pick(STRANGE_KEYS);
  if (random.chance(0.3)) return random.pick(words);
  return random.pick([key.slice(1), `${key}s`, key.toUpperCase(), camel(key), `${key} `]);
}

function camel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

const addEntry: MapChange = (tree, random, words) => {
  const entry = { key: otherKey(random.pick(words), random, words), value: otherScalar(random, words) };
  return { ...tree, entries: tree.entries.toSpliced(oneOf(tree, random), 0, entry) };
};

/** What stands at one key, put at another. */
const moveValue: MapChange = (tree, random) => {
  const from = tree.entries[oneOf(tree, random)];
  const at = oneOf(tree, random);
  const to = tree.entries[at];
  if (from === undefined || to === undefined) return tree;
  return { ...tree, entries: tree.entries.with(at, { ...to, value: from.value }) };
};

const reverse: MapChange = (tree) => ({ ...tree, entries: tree.entries.toReversed() });
const empty: MapChange = (tree) => ({ ...tree, entries: [] });

const MAP_CHANGES: readonly MapChange[] = [
  dropEntry,
  dropEntry,
  repeatEntry,
  renameKey,
  renameKey,
  addEntry,
  moveValue,
  reverse,
  empty,
];

const TEXTS = [
  '',
  ' ',
  'no',
  'yes',
  'null',
  '~',
  'true',
  '1_000',
  '0o17',
  '.inf',
  '.nan',
  '2026-01-01',
  '=',
  '<<',
  '*',
];
const MORE_TEXTS = [
  '${PORT}',
  '${NAME:-web}',
  '${UNSET}',
  '$${X}',
  '${',
  'a: b',
  '# a',
  '- a',
  "'",
  '"',
  '\u{1f642}',
  'a\nb',
];
const VALUES: readonly Scalar[] = [null, true, false, 0, -1, 1.5, 1e21, 65535, 65536, 2 ** 53];

function otherScalar(random: Random, words: readonly string[]): Tree {
  const value = random.pick<() => Scalar>([
    () => random.pick(VALUES),
    () => random.pick(words),
    () => random.pick([...TEXTS, ...MORE_TEXTS]),
    () => random.pick(NUMBERS),
    () => 'x'.repeat(random.pick([63, 64, 256, 1025, 5000])),
  ])();
  return { kind: 'scalar', value };
}
