// The text of a bootstrap file -> a tree of plain nodes with positions. YAML as Envoy reads it: scalars
// of YAML 1.1 (an unquoted `no` is a boolean), no merging of keys, no documents beside the first. JSON is
// read by the same parser.

import type { Node, Pair } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, Scalar } from 'yaml';
import type { ConfigError, ErrorCode } from '../../../core/config-error.ts';
import { MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES } from '../../../core/config-limits.ts';

export interface TreeBase {
  /** Offset in the text. */
  readonly at: number;
}

export interface ScalarTree extends TreeBase {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As it stands in the file, without quotes. */
  readonly text: string;
}

export interface MapTree extends TreeBase {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: string; readonly keyAt: number; readonly value: Tree }[];
}

export interface ListTree extends TreeBase {
  readonly kind: 'list';
  readonly items: readonly Tree[];
}

export type Tree = ScalarTree | MapTree | ListTree;

/** A text and the lines in it: offsets become positions here. */
export interface Source {
  readonly file: string;
  error(offset: number, code: ErrorCode, path: string, message: string, suggestion?: string | null): ConfigError;
}

export interface ParsedTree {
  readonly source: Source;
  /** null after errors. */
  readonly tree: Tree | null;
  readonly errors: readonly ConfigError[];
}

export function newSource(file: string, text: string, lines: LineCounter): Source {
  return {
    file,
    error(offset, code, path, message, suggestion = null) {
      const { line, col } = lines.linePos(Math.min(offset, text.length));
      const sourceLine = (text.split('\n', line)[line - 1] ?? '').replace(/\r$/, '');
      return { file, line, column: col, path, message, suggestion, code, sourceLine };
    },
  };
}

export function parseTree(text: string, file: string): ParsedTree {
  const lines = new LineCounter();
  const source = newSource(file, text, lines);
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return {
      source,
      tree: null,
      errors: [source.error(0, 'FL0103', '', `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)],
    };
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'failsafe',
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'silent',
  });
  const errors = document.errors.map((error) => {
    const twice = error.code === 'DUPLICATE_KEY';
    return source.error(
      error.pos[0],
      twice ? 'FL0102' : 'FL0101',
      '',
      twice ? 'this key stands twice in one mapping' : error.message,
    );
  });
  if (errors.length > 0) return { source, tree: null, errors };
  const walk = new Walk(source, /\.json$/i.test(file));
  const tree = walk.node(document.contents as Node | null, 0, 0);
  return { source, tree: walk.errors.length > 0 ? null : tree, errors: walk.errors };
}

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const NOTHING: ScalarTree = { kind: 'scalar', value: null, text: '', at: 0 };

class Walk {
  readonly errors: ConfigError[] = [];
  readonly #source: Source;
  readonly #json: boolean;
  readonly #anchors = new Map<string, Node>();
  #aliases = 0;

  constructor(source: Source, json: boolean) {
    this.#source = source;
    this.#json = json;
  }

  node(node: Node | null, depth: number, parentAt: number): Tree {
    const at = node?.range?.[0] ?? parentAt;
    if (depth > MAX_DEPTH) return this.#refuse(at, 'FL0103', `nested deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) return this.#alias(node.source, depth, at);
    if (node !== null && 'anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node);
    if (isMap(node))
      return { kind: 'map', at, entries: this.#entries(node.items as Pair<Node, Node | null>[], depth, at) };
    if (isSeq(node))
      return { kind: 'list', at, items: node.items.map((item) => this.node(item as Node, depth + 1, at)) };
    return isScalar(node)
      ? { kind: 'scalar', at, text: String(node.value ?? ''), value: this.#scalar(node) }
      : { ...NOTHING, at };
  }

  #entries(pairs: readonly Pair<Node, Node | null>[], depth: number, at: number): MapTree['entries'] {
    return pairs.flatMap((pair) => {
      const keyAt = pair.key.range?.[0] ?? at;
      const key = isScalar(pair.key) ? String(pair.key.value) : null;
      if (key !== null && !FORBIDDEN_KEYS.has(key))
        return [{ key, keyAt, value: this.node(pair.value, depth + 1, keyAt) }];
      if (key === null) this.#refuse(keyAt, 'FL0107', 'keys must be plain words');
      else this.#refuse(keyAt, 'FL0104', `"${key}" is not allowed as a key`);
      return [];
    });
  }

  #alias(anchor: string, depth: number, at: number): Tree {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) return this.#refuse(at, 'FL0103', `more than ${MAX_ALIASES} aliases`);
    const target = this.#anchors.get(anchor);
    return target === undefined
      ? this.#refuse(at, 'FL0101', `no anchor "${anchor}" before this alias`)
      : this.node(target, depth + 1, at);
  }

  #scalar(scalar: Scalar): ScalarTree['value'] {
    const text = String(scalar.value ?? '');
    if (scalar.type !== Scalar.PLAIN) return text;
    return this.#json ? jsonScalar(text) : plainScalar(text);
  }

  #refuse(at: number, code: ErrorCode, message: string): Tree {
    this.errors.push(this.#source.error(at, code, '', message));
    return { ...NOTHING, at };
  }
}

const TRUE = /^(?:y|yes|true|on|Y|Yes|True|On|YES|TRUE|ON)$/;
const FALSE = /^(?:n|no|false|off|N|No|False|Off|NO|FALSE|OFF)$/;
const NULL = /^(?:|~|null|Null|NULL)$/;
const INTEGER = /^[-+]?(?:0x[0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/;

/** An unquoted scalar as Envoy's reader takes it; fractions stay texts, which protobuf's JSON accepts. */
function plainScalar(text: string): ScalarTree['value'] {
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  if (!INTEGER.test(text)) return text;
  const value = integer(text);
  return Math.abs(value) < 2 ** 31 ? value : BigInt.asIntN(64, bigInteger(text)).toString();
}

function integer(text: string): number {
  return Number(bigInteger(text));
}

/** Hexadecimal with 0x, octal with a leading 0, as C++ streams read them. */
function bigInteger(text: string): bigint {
  const digits = text.replace(/^[-+]/, '');
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith('-') ? -value : value;
}

function jsonScalar(text: string): ScalarTree['value'] {
  if (text === 'null' || text === '') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : text;
}
