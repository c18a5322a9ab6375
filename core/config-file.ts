// YAML text -> plain values with a position for every path, and zod-checked values or all errors at once.
// YAML 1.2; several documents in one text; ${VAR} and ${VAR:-default} in scalars. The limits are those of
// a file that a person writes: what is beyond them is an attack or an accident.

import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { z } from 'zod';
import type { ConfigError, ErrorCode } from './config-error.ts';
import { describeIssues } from './config-issues.ts';
import { ErrorList } from './error-list.ts';
import { FORBIDDEN_KEYS } from './forbidden-keys.ts';
import { TextLines } from './text-lines.ts';
import { Aliases, MAX_DEPTH, MAX_FILE_BYTES, parseYaml } from './yaml-text.ts';

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
  const source = new Source(file, text);
  const documents: ConfigDocument[] = [];
  const errors = new ErrorList();
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    errors.add(() => source.error(0, 'FL0103', `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`));
    return { documents, errors: errors.all };
  }
  const yaml = parseYaml(text, YAML_OPTIONS);
  for (const parsed of yaml.documents) {
    for (const error of parsed.errors) errors.add(() => source.syntaxError(error));
    if (parsed.errors.length > 0 || parsed.contents === null) continue;
    const walk = new Walk(source, environment, errors);
    const value = walk.node(parsed.contents as Node, '', 0);
    if (!walk.failed) documents.push(walk.document(value));
  }
  const { tooDeepAt } = yaml;
  if (tooDeepAt !== null) errors.add(() => source.error(tooDeepAt, 'FL0103', TOO_DEEP));
  return { documents, errors: errors.all };
}

/** Whatever version a text claims to be: no merging of keys, no dates, no binary values. */
const YAML_OPTIONS = { version: '1.2', schema: 'core', merge: false, resolveKnownTags: false } as const;
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;

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
  return path.reduce<string>(partText, '');
}

/** The text of a path with one part more. */
function partText(path: string, part: string | number): string {
  if (typeof part === 'number') return `${path}[${part}]`;
  if (!/^[A-Za-z_][\w-]*$/.test(part)) return `${path}["${part}"]`;
  return path === '' ? part : `${path}.${part}`;
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
  readonly #lines: TextLines;

  constructor(file: string, text: string) {
    this.file = file;
    this.#lines = new TextLines(text);
  }

  error(offset: number, code: ErrorCode, message: string, path = '', suggestion: string | null = null): ConfigError {
    return { file: this.file, ...this.#lines.at(offset), path, message, suggestion, code };
  }

  syntaxError(error: { readonly message: string; readonly pos: readonly [number, number] }): ConfigError {
    return this.error(error.pos[0], 'FL0101', lowerFirst(error.message));
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

interface Place {
  readonly key: number;
  readonly value: number;
}

/** Without a tag, or with one that says what is meant anyway. */
const TAG = /^(?:!|tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq))$/;

/** One pass over a document's nodes: plain values, positions, limits, interpolation. */
class Walk {
  failed = false;
  readonly #errors: ErrorList;
  readonly #source: Source;
  readonly #environment: Environment;
  readonly #places = new Map<string, Place>();
  readonly #aliases = new Aliases();

  constructor(source: Source, environment: Environment, errors: ErrorList) {
    this.#source = source;
    this.#environment = environment;
    this.#errors = errors;
  }

  document(value: unknown): ConfigDocument {
    const source = this.#source;
    const places = this.#places;
    return {
      file: source.file,
      value,
      error(path, code, message, options = {}) {
        const offset = findPlace(places, path, options.at ?? 'value');
        return source.error(offset, code, message, pathText(path), options.suggestion ?? null);
      },
    };
  }

  /** `path` is its text: each node adds its own part. */
  node(node: Node | null, path: string, depth: number, key: number = offsetOf(node)): unknown {
    if (!this.#aliases.enter(node)) return null;
    this.#places.set(path, { key, value: offsetOf(node) });
    if (depth > MAX_DEPTH) return this.#refuse(node, path, 'FL0103', TOO_DEEP);
    if (isAlias(node))
      return this.#aliases.follow<unknown>(
        node,
        (target) => this.node(target, path, depth + 1, key),
        (code, reason) => this.#refuse(node, path, code, reason),
      );
    if (node?.tag !== undefined && !TAG.test(node.tag))
      return this.#refuse(node, path, 'FL0107', `the tag ${node.tag} is not known here; write the value without it`);
    if (isMap(node)) return this.#map(node, path, depth);
    if (isSeq(node)) return node.items.map((item, i) => this.node(item as Node, partText(path, i), depth + 1));
    return isScalar(node) ? this.#scalar(node, path) : null;
  }

  #map(map: YAMLMap, path: string, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : null;
      if (key === null) this.#refuse(pair.key, path, 'FL0107', 'keys must be plain words');
      else if (FORBIDDEN_KEYS.has(key))
        this.#refuse(pair.key, partText(path, key), 'FL0104', `"${key}" is not allowed as a key`);
      else if (Object.hasOwn(value, key))
        this.#refuse(pair.key, path, 'FL0102', 'this key stands twice in one mapping');
      else value[key] = this.node(pair.value, partText(path, key), depth + 1, offsetOf(pair.key));
    }
    return value;
  }

  #scalar(scalar: Scalar, path: string): unknown {
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

  #refuse(node: Node | null, path: string, code: ErrorCode, message: string): null {
    this.failed = true;
    this.#errors.add(() => this.#source.error(offsetOf(node), code, message, path));
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
  // Where no } follows nothing begins: each ${ would be looked through to the end of the text for one.
  const end = text.lastIndexOf('}') + 1;
  const variables = text
    .slice(0, end)
    .replace(VARIABLE, (whole: string, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return '${';
      const value = environment[name];
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      unset(name);
      return whole;
    });
  return variables + text.slice(end).replaceAll('$${', () => '${');
}

/** An unquoted scalar keeps its meaning after interpolation: `port: ${PORT}` is a number. */
function plainScalar(text: string): string | number | boolean | null {
  if (/^[-+]?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text === 'null' || text === '' ? null : text;
}
