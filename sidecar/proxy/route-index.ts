// Which routes of a host may match a path, in their order: what keeps a table of ten thousand routes as quick as
// one of ten. Paths and prefixes lie in a tree by their text; whatever has no fixed text may always match. Only
// an index: whether a route matches is asked of the route, and the first one in order still wins.

import type { RouteMatch } from '../model/route.ts';

const SLASH = 47;

/** Routes whose text ends here, by position; `text` leads here from the node above. */
class Node {
  text: string;
  readonly exact: number[] = [];
  readonly prefixes: number[] = [];
  readonly separated: number[] = [];
  /** By first character of their text. */
  children = new Map<number, Node>();

  constructor(text: string) {
    this.text = text;
  }
}

export class RouteIndex {
  readonly #asWritten = new Node('');
  readonly #folded = new Node('');
  readonly #folds: boolean;
  /** Regular expressions and CONNECT. */
  readonly #anywhere: readonly number[];
  // Lists of positions for the present path, and how far each was read. Used again for every path.
  readonly #lists: (readonly number[])[] = [];
  readonly #read: number[] = [];
  #count = 0;

  constructor(matches: readonly RouteMatch[]) {
    const anywhere: number[] = [];
    let folds = false;
    for (const [position, { path }] of matches.entries()) {
      if (path.kind === 'regex' || path.kind === 'connect') {
        anywhere.push(position);
        continue;
      }
      folds ||= !path.caseSensitive;
      const [root, text] = path.caseSensitive
        ? [this.#asWritten, path.value]
        : [this.#folded, path.value.toLowerCase()];
      listOf(nodeAt(root, text), path.kind).push(position);
    }
    this.#anywhere = anywhere;
    this.#folds = folds;
  }

  /** Begins with a path; `next` gives the candidates. */
  look(path: string): void {
    this.#count = 0;
    this.#add(this.#anywhere);
    this.#walk(this.#asWritten, path);
    if (this.#folds) this.#walk(this.#folded, path.toLowerCase());
  }

  /** Position of the next route that may match, in order; -1: there is none. */
  next(): number {
    let best = -1;
    let from = -1;
    for (let i = 0; i < this.#count; i++) {
      const position = (this.#lists[i] as readonly number[])[this.#read[i] as number];
      if (position === undefined || (best !== -1 && position > best)) continue;
      best = position;
      from = i;
    }
    if (from !== -1) (this.#read[from] as number)++;
    return best;
  }

  #walk(root: Node, path: string): void {
    let node = root;
    let at = 0;
    for (;;) {
      this.#add(node.prefixes);
      const code = at === path.length ? SLASH : path.charCodeAt(at);
      if (code === SLASH) this.#add(node.separated);
      if (at === path.length) {
        this.#add(node.exact);
        return;
      }
      const child = node.children.get(code);
      if (child === undefined || !path.startsWith(child.text, at)) return;
      at += child.text.length;
      node = child;
    }
  }

  #add(list: readonly number[]): void {
    if (list.length === 0) return;
    this.#lists[this.#count] = list;
    this.#read[this.#count] = 0;
    this.#count++;
  }
}

function listOf(node: Node, kind: 'exact' | 'prefix' | 'path-separated-prefix'): number[] {
  if (kind === 'exact') return node.exact;
  return kind === 'prefix' ? node.prefixes : node.separated;
}

/** The node of a text, made where there is none. */
function nodeAt(root: Node, text: string): Node {
  let node = root;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const child = node.children.get(code);
    if (child === undefined) {
      const made = new Node(text.slice(at));
      node.children.set(code, made);
      return made;
    }
    const shared = sharedLength(child.text, text, at);
    node = shared === child.text.length ? child : split(node, code, child, shared);
    at += shared;
  }
  return node;
}

function sharedLength(text: string, other: string, at: number): number {
  let length = 0;
  while (length < text.length && text.charCodeAt(length) === other.charCodeAt(at + length)) length++;
  return length;
}

/** A node between two, where a text ends or another one turns off. */
function split(above: Node, code: number, child: Node, length: number): Node {
  const between = new Node(child.text.slice(0, length));
  child.text = child.text.slice(length);
  between.children.set(child.text.charCodeAt(0), child);
  above.children.set(code, between);
  return between;
}
