// The text of a bootstrap file -> a tree of plain nodes with positions. YAML as Envoy reads it: scalars
// of YAML 1.1 (an unquoted `no` is a boolean), no merging of keys, no documents beside the first. JSON is
// read by the same parser.

import type { Node, Pair } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, Scalar } from 'yaml';
import type { ConfigError, ErrorCode } from '../../../core/config-error.ts';
import { ErrorList } from '../../../core/error-list.ts';
import { FORBIDDEN_KEYS } from '../../../core/forbidden-keys.ts';
import { TextLines } from '../../../core/text-lines.ts';
import { Aliases, MAX_DEPTH, MAX_FILE_BYTES, parseYaml } from '../../../core/yaml-text.ts';

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

function newSource(file: string, text: string): Source {
  const lines = new TextLines(text);
  return {
    file,
    error: (offset, code, path, message, suggestion = null) => ({
      file,
      ...lines.at(offset),
      path,
      message,
      suggestion,
      code,
    }),
  };
}

export function parseTree(text: string, file: string): ParsedTree {
  const source = newSource(file, text);
  const errors = new ErrorList();
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    errors.add(() => source.error(0, 'FL0103', '', `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`));
    return { source, tree: null, errors: errors.all };
  }
  const { documents, tooDeepAt } = parseYaml(text, { schema: 'failsafe', resolveKnownTags: false });
  const [document] = documents;
  for (const { pos, message } of document?.errors ?? []) errors.add(() => source.error(pos[0], 'FL0101', '', message));
  if (tooDeepAt !== null) errors.add(() => source.error(tooDeepAt, 'FL0103', '', TOO_DEEP));
  if (!errors.isEmpty) return { source, tree: null, errors: errors.all };
  const walk = new Walk(source, /\.json$/i.test(file), errors);
  const tree = walk.node((document?.contents ?? null) as Node | null, 0, 0);
  return { source, tree: errors.isEmpty ? tree : null, errors: errors.all };
}

const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;
const NOTHING: ScalarTree = { kind: 'scalar', value: null, text: '', at: 0 };

class Walk {
  readonly #errors: ErrorList;
  readonly #source: Source;
  readonly #json: boolean;
  readonly #aliases = new Aliases();

  constructor(source: Source, json: boolean, errors: ErrorList) {
    this.#source = source;
    this.#json = json;
    this.#errors = errors;
  }

  node(node: Node | null, depth: number, parentAt: number): Tree {
    const at = node?.range?.[0] ?? parentAt;
    if (!this.#aliases.enter(node)) return { ...NOTHING, at };
    if (depth > MAX_DEPTH) return this.#refuse(at, 'FL0103', TOO_DEEP);
    if (isAlias(node))
      return this.#aliases.follow<Tree>(
        node,
        (target) => this.node(target, depth + 1, at),
        (code, reason) => this.#refuse(at, code, reason),
      );
    if (isMap(node))
      return { kind: 'map', at, entries: this.#entries(node.items as Pair<Node, Node | null>[], depth, at) };
    if (isSeq(node))
      return { kind: 'list', at, items: node.items.map((item) => this.node(item as Node, depth + 1, at)) };
    return isScalar(node)
      ? { kind: 'scalar', at, text: String(node.value ?? ''), value: this.#scalar(node) }
      : { ...NOTHING, at };
  }

  #entries(pairs: readonly Pair<Node, Node | null>[], depth: number, at: number): MapTree['entries'] {
    const keys = new Set<string>();
    return pairs.flatMap((pair) => {
      const keyAt = pair.key.range?.[0] ?? at;
      const key = isScalar(pair.key) ? String(pair.key.value) : null;
      if (key === null) this.#refuse(keyAt, 'FL0107', 'keys must be plain words');
      else if (FORBIDDEN_KEYS.has(key)) this.#refuse(keyAt, 'FL0104', `"${key}" is not allowed as a key`);
      else if (keys.has(key)) this.#refuse(keyAt, 'FL0102', 'this key stands twice in one mapping');
      else {
        keys.add(key);
        return [{ key, keyAt, value: this.node(pair.value, depth + 1, keyAt) }];
      }
      return [];
    });
  }

  #scalar(scalar: Scalar): ScalarTree['value'] {
    const text = String(scalar.value ?? '');
    if (scalar.type !== Scalar.PLAIN) return text;
    return this.#json ? jsonScalar(text) : plainScalar(text);
  }

  #refuse(at: number, code: ErrorCode, message: string): Tree {
    this.#errors.add(() => this.#source.error(at, code, '', message));
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
