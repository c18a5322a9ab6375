// YAML text -> documents of the `yaml` package, with the limits that the package does not have. Depth is
// looked at while the tokens come, before anything descends into them; what aliases repeat is counted.

import {
  type Alias,
  Composer,
  type Document,
  type DocumentOptions,
  Lexer,
  type Node,
  type ParseOptions,
  Parser,
  type SchemaOptions,
  isAlias,
} from 'yaml';

export const MAX_FILE_BYTES = 4 * 1024 * 1024;
export const MAX_DEPTH = 64;
export const MAX_ALIASES = 100;
/** Most nodes that the aliases of one document repeat, all together. */
export const MAX_REPEATED_NODES = 10_000;
/** After so many words that fit nowhere the rest of a text is not looked at. */
const MAX_STRAYS = 1000;

export type YamlOptions = ParseOptions & DocumentOptions & SchemaOptions;

export interface YamlText {
  /** At least one, which may be empty; without the one that is too deep, and what follows it. */
  readonly documents: readonly Document.Parsed[];
  /** Where a text is nested deeper than MAX_DEPTH, or null. */
  readonly tooDeepAt: number | null;
}

/** Whether a key stands twice is for the caller to find: the package compares each key with every other. */
export function parseYaml(text: string, options: YamlOptions): YamlText {
  return withoutStacks(() => parseTokens(text, options));
}

/** The package's errors are told by their places: the stack behind each of them would cost more than the rest. */
function withoutStacks<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function parseTokens(text: string, options: YamlOptions): YamlText {
  const parser = new Parser();
  const composer = new Composer({ ...options, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [];
  const keep = (some: Iterable<unknown>) => documents.push(...(some as Iterable<Document.Parsed>));
  let strays = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const at = parser.offset;
    for (const token of parser.next(lexeme)) {
      keep(composer.next(token));
      if (token.type === 'error') strays++;
    }
    if (isTooDeep(parser)) {
      keep(composer.end());
      return { documents, tooDeepAt: at };
    }
    if (strays > MAX_STRAYS) break;
  }
  for (const token of parser.end()) keep(composer.next(token));
  keep(composer.end(true, text.length));
  return { documents, tooDeepAt: null };
}

/** The document itself, and the scalar that is being read, stand there beside the collections. */
function isTooDeep({ stack }: Parser): boolean {
  if (stack.length <= MAX_DEPTH + 1) return false;
  return stack.filter(({ type }) => COLLECTIONS.has(type)).length > MAX_DEPTH + 1;
}

const COLLECTIONS: ReadonlySet<string> = new Set(['block-map', 'block-seq', 'flow-collection']);

/** The anchors of one document and the aliases that repeat them, on a walk in the order of the text. */
export class Aliases {
  readonly #anchors = new Map<string, Node>();
  #count = 0;
  #inside = 0;
  #repeated = 0;

  /** Notes the node's anchor. Whether it may be read: false once too much was repeated. */
  enter(node: Node | null): boolean {
    if (this.#inside > 0) this.#repeated++;
    if (this.#repeated > MAX_REPEATED_NODES) return false;
    if (node !== null && !isAlias(node) && 'anchor' in node && typeof node.anchor === 'string')
      this.#anchors.set(node.anchor, node);
    return true;
  }

  /** Reads what an alias stands for, or calls `refuse` with the reason why not. */
  follow<T>({ source }: Alias, read: (target: Node) => T, refuse: (code: AliasFault, reason: string) => T): T {
    const target = this.#anchors.get(source);
    if (target === undefined) return refuse('FL0101', `no anchor "${source}" before this alias`);
    if (++this.#count > MAX_ALIASES) return refuse('FL0103', `more than ${MAX_ALIASES} aliases`);
    this.#inside++;
    const value = read(target);
    this.#inside--;
    if (this.#inside > 0 || this.#repeated <= MAX_REPEATED_NODES) return value;
    return refuse('FL0103', `aliases repeat more than ${MAX_REPEATED_NODES} values`);
  }
}

export type AliasFault = 'FL0101' | 'FL0103';
