// A tree as YAML or JSON, in one of the many ways in which a person or a tool may write it: block or flow,
// quoted or plain, with anchors, tags and comments.

import type { Random } from '../random.ts';
import type { Entry, Scalar, Tree } from './tree.ts';

export interface Style {
  /** Shares of what is written in the odd way. */
  readonly flow: number;
  readonly quoted: number;
  /** Anchors with aliases, tags, comments. */
  readonly odd: number;
}

const STYLES: readonly Style[] = [
  { flow: 0.1, quoted: 0.1, odd: 0 },
  { flow: 0.5, quoted: 0.3, odd: 0 },
  { flow: 0.05, quoted: 0.8, odd: 0 },
  { flow: 0.2, quoted: 0.2, odd: 0 },
  { flow: 0.3, quoted: 0.5, odd: 0.02 },
];

export function printYaml(tree: Tree, random: Random): string {
  return new Printer(random, random.pick(STYLES)).document(tree);
}

/** JSON, in which a key may stand twice. */
export function printJson(tree: Tree): string {
  if (tree.kind === 'scalar') return JSON.stringify(tree.value) ?? 'null';
  if (tree.kind === 'list') return `[${tree.items.map(printJson).join(', ')}]`;
  return `{${tree.entries.map(({ key, value }) => `${JSON.stringify(key)}: ${printJson(value)}`).join(', ')}}`;
}

/** Deeper than this in blocks the indentation would weigh more than the rest. */
const DEEPEST_BLOCK = 20;
const TAGS = [
  '!!str',
  '!!int',
  '!!map',
  '!!seq',
  '!!binary',
  '!!null',
  '!!set',
  '!!omap',
  '!!timestamp',
  '!x',
  '!!js/function',
  '!<!>',
];

class Printer {
  readonly #random: Random;
  readonly #style: Style;
  #anchors = 0;

  constructor(random: Random, style: Style) {
    this.#random = random;
    this.#style = style;
  }

  document(tree: Tree): string {
    const text = this.#block(tree, 0);
    return `${text.startsWith('\n') ? text.slice(1) : text.trimStart()}\n`;
  }

  #odd(): boolean {
    return this.#random.chance(this.#style.odd);
  }

  /** The value with what separates it from its key: a space, or a line break. */
  #block(tree: Tree, depth: number): string {
    const before = this.#properties();
    if (tree.kind === 'scalar' || isEmpty(tree)) return ` ${before}${this.#flow(tree)}`;
    if (depth > DEEPEST_BLOCK || this.#random.chance(this.#style.flow)) return ` ${before}${this.#flow(tree)}`;
    const indent = '  '.repeat(depth);
    const lines =
      tree.kind === 'list'
        ? tree.items.map((item) => `${indent}-${this.#block(item, depth + 1)}`)
        : tree.entries.map((entry) => `${indent}${this.#key(entry)}:${this.#block(entry.value, depth + 1)}`);
    return ` ${before}\n${lines.join(this.#odd() ? ' # note\n' : '\n')}`;
  }

  #flow(tree: Tree): string {
    if (tree.kind === 'scalar') return this.#scalar(tree.value);
    if (tree.kind === 'list') return `[${tree.items.map((item) => this.#properties() + this.#flow(item)).join(', ')}]`;
    return `{${tree.entries.map((entry) => `${this.#key(entry)}: ${this.#flow(entry.value)}`).join(', ')}}`;
  }

  #key({ key }: Entry): string {
    if (this.#odd()) return this.#random.pick(['? a\n', `*a1 `, `!!str ${key}`, `[${key}]`, '<<']);
    return /^[A-Za-z_][\w.-]*$/.test(key) && !this.#random.chance(this.#style.quoted / 4) ? key : JSON.stringify(key);
  }

  /** An anchor or a tag before a value; an alias in its place is a matter of the scalars. */
  #properties(): string {
    if (!this.#odd()) return '';
    return this.#random.chance(0.6) ? `&a${++this.#anchors} ` : `${this.#random.pick(TAGS)} `;
  }

  #scalar(value: Scalar): string {
    if (this.#anchors > 0 && this.#odd()) return `*a${this.#random.between(1, this.#anchors)}`;
    if (typeof value !== 'string') return String(value);
    if (!this.#random.chance(this.#style.quoted) && isPlain(value)) return value;
    return this.#random.chance(0.5) || /[\n\\]/.test(value)
      ? JSON.stringify(value)
      : `'${value.replaceAll("'", "''")}'`;
  }
}

function isEmpty(tree: Tree): boolean {
  return (tree.kind === 'list' && tree.items.length === 0) || (tree.kind === 'map' && tree.entries.length === 0);
}

function isPlain(text: string): boolean {
  return /^[A-Za-z0-9/$][\w./$-]*$/.test(text) && !/^(?:y|n|yes|no|on|off|true|false|null|[\d.]+)$/i.test(text);
}
