// YAML text -> plain values with a position for every path, and zod-checked values or all errors at once.
// YAML 1.2; several documents in one text; ${VAR} and ${VAR:-default} in scalars. The limits are those of
// a file that a person writes: what is beyond them is an attack or an accident.

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';
import type { ConfigError, ErrorCode } from './config-error.ts';
import { describeIssues } from './config-issues.ts';
import { MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES } from './config-limits.ts';

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type Environment = Readonly<Record<string, string | undefined>>;
export type ConfigPath = readonly (string | number)[];

/** One YAML document: its plain value, and where each part of it stands. */
export interface ConfigDocument {
  readonly file: string;
  readonly value: unknown;
  /** An error at a path; `at: 'key'` points at the key instead of the value. */
  error(path: ConfigPath, code: ErrorCode, message: string, options?: ErrorOptions): ConfigError;
}

export interface ErrorOptions {
  readonly at?: 'key' | 'value';
  readonly suggestion?: string | null;
}

export interface ReadResult {
  readonly documents: readonly ConfigDocument[];
  readonly errors: readonly ConfigError[];
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Reads every document of a text. Documents with errors of syntax are left out, the others are returned. */
export function readConfig(text: string, file: string, environment: Environment): ReadResult {
  const lines = new LineCounter();
  const source = new Source(file, text, lines);
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return {
      documents: [],
      errors: [source.error(0, 'FL0103', `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)],
    };
  }
  const documents: ConfigDocument[] = [];
  const errors: ConfigError[] = [];
  for (const parsed of parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    prettyErrors: false,
    uniqueKeys: true,
  })) {
    for (const error of parsed.errors) errors.push(source.syntaxError(error));
    if (parsed.errors.length > 0 || parsed.contents === null) continue;
    const walk = new Walk(source, environment);
    const value = walk.node(parsed.contents as Node, [], 0);
    errors.push(...walk.errors);
    if (walk.errors.length === 0) documents.push(walk.document(value));
  }
  return { documents, errors };
}

/** The document's value as the schema sees it, deeply frozen; or every error, with position and suggestion. */
export function check<T>(document: ConfigDocument, schema: z.ZodType<T>, under: ConfigPath = []): Checked<T> {
  const result = schema.safeParse(valueAt(document.value, under));
  if (result.success) return { ok: true, value: deepFreeze(result.data) };
  const errors = describeIssues(result.error.issues, schema, valueAt(document.value, under)).map((found) =>
    document.error([...under, ...found.path], found.code, found.message, {
      at: found.at,
      suggestion: found.suggestion,
    }),
  );
  return { ok: false, errors };
}

/** `a.b[0].c`; keys that are not plain words are quoted. */
export function pathText(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `["${part}"]`;
  }
  return text;
}

export function valueAt(value: unknown, path: ConfigPath): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

/** A text and its lines: offsets become positions here. */
class Source {
  readonly file: string;
  readonly #text: string;
  readonly #lines: LineCounter;

  constructor(file: string, text: string, lines: LineCounter) {
    this.file = file;
    this.#text = text;
    this.#lines = lines;
  }

  error(
    offset: number,
    code: ErrorCode,
    message: string,
    path: ConfigPath = [],
    suggestion: string | null = null,
  ): ConfigError {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.#text.length));
    const sourceLine = (this.#text.split('\n', line)[line - 1] ?? '').replace(/\r$/, '');
    return { file: this.file, line, column: col, path: pathText(path), message, suggestion, code, sourceLine };
  }

  syntaxError(error: {
    readonly code: string;
    readonly message: string;
    readonly pos: readonly [number, number];
  }): ConfigError {
    const code = error.code === 'DUPLICATE_KEY' ? 'FL0102' : 'FL0101';
    const message = code === 'FL0102' ? 'this key stands twice in one mapping' : lowerFirst(error.message);
    return this.error(error.pos[0], code, message);
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

interface Place {
  readonly key: number;
  readonly value: number;
}

/** One pass over a document's nodes: plain values, positions, limits, interpolation. */
class Walk {
  readonly errors: ConfigError[] = [];
  readonly #source: Source;
  readonly #environment: Environment;
  readonly #places = new Map<string, Place>();
  readonly #anchors = new Map<string, Node>();
  #aliases = 0;

  constructor(source: Source, environment: Environment) {
    this.#source = source;
    this.#environment = environment;
  }

  document(value: unknown): ConfigDocument {
    const source = this.#source;
    const places = this.#places;
    return {
      file: source.file,
      value,
      error(path, code, message, options = {}) {
        const offset = findPlace(places, path, options.at ?? 'value');
        return source.error(offset, code, message, path, options.suggestion ?? null);
      },
    };
  }

  node(node: Node | null, path: ConfigPath, depth: number, key: number = offsetOf(node)): unknown {
    this.#places.set(pathText(path), { key, value: offsetOf(node) });
    if (depth > MAX_DEPTH) return this.#refuse(node, path, 'FL0103', `nested deeper than ${MAX_DEPTH} levels`);
    if (node !== null && 'anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node);
    if (isAlias(node)) return this.#alias(node.source, node, path, depth, key);
    if (isMap(node)) return this.#map(node, path, depth);
    if (isSeq(node)) return node.items.map((item, i) => this.node(item as Node, [...path, i], depth + 1));
    return isScalar(node) ? this.#scalar(node, path) : null;
  }

  #alias(anchor: string, node: Node, path: ConfigPath, depth: number, key: number): unknown {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) return this.#refuse(node, path, 'FL0103', `more than ${MAX_ALIASES} aliases`);
    const target = this.#anchors.get(anchor);
    if (target === undefined) return this.#refuse(node, path, 'FL0101', `no anchor "${anchor}" before this alias`);
    return this.node(target, path, depth + 1, key);
  }

  #map(map: YAMLMap, path: ConfigPath, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : null;
      if (key === null) this.#refuse(pair.key, path, 'FL0107', 'keys must be plain words');
      else if (FORBIDDEN_KEYS.has(key))
        this.#refuse(pair.key, [...path, key], 'FL0104', `"${key}" is not allowed as a key`);
      else value[key] = this.node(pair.value, [...path, key], depth + 1, offsetOf(pair.key));
    }
    return value;
  }

  #scalar(scalar: Scalar, path: ConfigPath): unknown {
    if (typeof scalar.value !== 'string' || !scalar.value.includes('${')) return scalar.value;
    const text = interpolate(scalar.value, this.#environment, (name) => {
      this.#refuse(
        scalar,
        path,
        'FL0110',
        `environment variable ${name} is not set; give it a default with \${${name}:-value}`,
      );
    });
    return scalar.type === Scalar.PLAIN ? plainScalar(text) : text;
  }

  #refuse(node: Node | null, path: ConfigPath, code: ErrorCode, message: string): null {
    this.errors.push(this.#source.error(offsetOf(node), code, message, path));
    return null;
  }
}

function offsetOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

/** The position of a path, or of its nearest parent that is there: a missing field points at its mapping. */
function findPlace(places: ReadonlyMap<string, Place>, path: ConfigPath, at: 'key' | 'value'): number {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(pathText(path.slice(0, length)));
    if (place === undefined) continue;
    return length === path.length && at === 'value' && place.value > 0 ? place.value : place.key;
  }
  return 0;
}

const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** `${VAR}`, `${VAR:-default}` (also for an empty VAR, as in a shell); `$${` is a literal `${`. */
export function interpolate(text: string, environment: Environment, unset: (name: string) => void): string {
  return text.replace(VARIABLE, (whole: string, name: string | undefined, fallback: string | undefined) => {
    if (name === undefined) return '${';
    const value = environment[name];
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback !== undefined) return fallback;
    unset(name);
    return whole;
  });
}

/** An unquoted scalar keeps its meaning after interpolation: `port: ${PORT}` is a number. */
function plainScalar(text: string): string | number | boolean | null {
  if (/^[-+]?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text === 'null' || text === '' ? null : text;
}
