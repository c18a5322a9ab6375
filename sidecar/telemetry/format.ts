// Envoy's substitution formats: `%REQ(X)%` and its kin, compiled once into functions of what is known of a
// request. For log lines, added headers and bodies of local replies. Texts given and returned are bytes as
// latin1 (see format/value.ts).

import { systemClock } from '../../core/clock.ts';
import { nearest } from '../../core/spelling.ts';
import type { JsonFormat, LogFormat } from '../model/access-log.ts';
import type { RequestFacts } from './facts.ts';
import { type Operator, parameterised, type TimeSource } from './format/parameterised.ts';
import { PLAIN } from './format/plain.ts';
import { decoded, encoded, FormatError, inLine, type Provider, textOf, type Value } from './format/value.ts';

export interface FormatOptions {
  /** What stands for an absent value in text: '-' in logs, '' in headers and with omit_empty_values. */
  readonly absent: '-' | '';
  /** Values may hold control characters: bodies only, never a line or a header. */
  readonly multiline?: boolean;
  readonly clock?: TimeSource;
}

export const LOG_OPTIONS: FormatOptions = { absent: '-' };
export const HEADER_OPTIONS: FormatOptions = { absent: '' };

export const DEFAULT_LOG_TEXT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

/** What a format says that no text was made of: a literal, or something to ask. */
type Piece = string | Provider;

/** Null: the text is a good format. Otherwise what is wrong with it. */
export function checkFormat(text: string): string | null {
  try {
    parse(text, LOG_OPTIONS);
    return null;
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}

/** Throws FormatError; texts are checked when they are decoded. */
export function compileText(format: string, options: FormatOptions): (facts: RequestFacts) => string {
  const pieces = parse(format, options);
  const { absent } = options;
  if (!pieces.some((piece) => typeof piece === 'function')) {
    const constant = pieces.join('');
    return () => constant;
  }
  return (facts) => {
    let text = '';
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i] as Piece;
      if (typeof piece === 'string') {
        text += piece;
        continue;
      }
      const value = piece(facts);
      if (typeof value === 'string') text += value;
      else text += value === null ? absent : textOf(value);
    }
    return text;
  };
}

/** A JSON object a line. A lone operator keeps its type; absent is null, or left out with `omitEmpty`. */
export function compileJson(
  format: { readonly [key: string]: JsonFormat },
  options: FormatOptions & { readonly omitEmpty: boolean; readonly sortKeys: boolean },
): (facts: RequestFacts) => string {
  const write = compileNode(format, options);
  return (facts) => `${write(facts) ?? '{}'}\n`;
}

/** Either kind of format. Omitting empty values makes absent ones '' in text. */
export function compileFormat(format: LogFormat, options: FormatOptions): (facts: RequestFacts) => string {
  const absent = format.omitEmpty ? '' : options.absent;
  return format.kind === 'text'
    ? compileText(format.text, { ...options, absent })
    : compileJson(format.json, { ...options, ...format, absent });
}

type Writer = (facts: RequestFacts) => string | null;
type JsonOptions = FormatOptions & { readonly omitEmpty: boolean; readonly sortKeys: boolean };

/** Writes JSON text; null: nothing to write, the key goes too. */
function compileNode(node: JsonFormat, options: JsonOptions): Writer {
  if (typeof node === 'string') return compileLeaf(node, options);
  if (Array.isArray(node)) return compileList(node as readonly JsonFormat[], options);
  if (typeof node === 'object' && node !== null)
    return compileObject(node as { readonly [key: string]: JsonFormat }, options);
  const fixed = JSON.stringify(node);
  return () => fixed;
}

function compileLeaf(text: string, options: JsonOptions): Writer {
  const pieces = parse(text, options);
  const only = pieces[0];
  if (pieces.length !== 1 || typeof only !== 'function') {
    const whole = compileText(text, { ...options, multiline: true });
    return (facts) => quoted(whole(facts));
  }
  const missing = options.omitEmpty ? null : 'null';
  return (facts) => {
    const value = only(facts);
    return value === null ? missing : valueJson(value);
  };
}

function valueJson(value: Exclude<Value, null>): string {
  return typeof value === 'string' ? quoted(value) : encoded(JSON.stringify(value));
}

const PLAIN_JSON = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A JSON string of bytes; most need no escape. */
function quoted(bytes: string): string {
  return PLAIN_JSON.test(bytes) ? `"${bytes}"` : encoded(JSON.stringify(decoded(bytes)));
}

function compileObject(node: { readonly [key: string]: JsonFormat }, options: JsonOptions): Writer {
  const keys = options.sortKeys ? Object.keys(node).sort() : Object.keys(node);
  const entries = keys.map((key) => ({
    key: `${encoded(JSON.stringify(key))}:`,
    write: compileNode(node[key] as JsonFormat, options),
  }));
  return (facts) => {
    let text = '';
    for (const { key, write } of entries) {
      const value = write(facts);
      if (value !== null) text += text === '' ? key + value : `,${key}${value}`;
    }
    return `{${text}}`;
  };
}

function compileList(node: readonly JsonFormat[], options: JsonOptions): Writer {
  const writers = node.map((item) => compileNode(item, options));
  return (facts) => `[${writers.flatMap((write) => write(facts) ?? []).join(',')}]`;
}

const OPERATOR = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::(\d+))?%/y;

function parse(format: string, options: FormatOptions): Piece[] {
  const compile = compilerFor(options);
  const pieces: Piece[] = [];
  let literal = '';
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf('%', at);
    literal += format.slice(at, percent < 0 ? undefined : percent);
    if (percent < 0) break;
    if (format[percent + 1] === '%') {
      literal += '%';
      at = percent + 2;
      continue;
    }
    OPERATOR.lastIndex = percent;
    const found = OPERATOR.exec(format);
    if (found === null)
      throw new FormatError(
        `no operator can be read at position ${percent} of "${format}" (a percent sign itself is %%)`,
      );
    if (literal !== '') pieces.push(encoded(literal));
    literal = '';
    pieces.push(
      compile({
        name: found[1] as string,
        parameter: found[2] ?? null,
        length: found[3] === undefined ? null : Number(found[3]),
      }),
    );
    at = OPERATOR.lastIndex;
  }
  if (literal !== '') pieces.push(encoded(literal));
  return pieces;
}

/** What may hold control characters. Header fields do not: the codecs refuse them (RFC 9110 5.5). */
const UNTRUSTED = new Set([
  'QUERY_PARAM',
  'QUERY_PARAMS',
  'METADATA',
  'CLUSTER_METADATA',
  'UPSTREAM_METADATA',
  'ENVIRONMENT',
  'LOCAL_REPLY_BODY',
  'REQUESTED_SERVER_NAME',
]);

function compilerFor({ clock, multiline }: FormatOptions): (operator: Operator) => Provider {
  const withParameters = parameterised(clock ?? systemClock);
  const compile = (operator: Operator): Provider => {
    const provider = compileOperator(operator);
    const guard = multiline !== true && (UNTRUSTED.has(operator.name) || CERTIFICATE_NAME.test(operator.name));
    return guard ? inOneLine(provider) : provider;
  };
  const compileOperator = ({ name, parameter, length }: Operator): Provider => {
    const make = withParameters[name];
    if (make !== undefined) return cut(make(parameter, compile), length);
    const plain = PLAIN[name];
    if (plain === undefined) {
      throw new FormatError(unknown(name, [...Object.keys(PLAIN), ...Object.keys(withParameters)]));
    }
    if (parameter !== null || length !== null) {
      throw new FormatError(`${name} does not take any parameters or length`);
    }
    return plain;
  };
  return compile;
}

const CERTIFICATE_NAME = /_(SUBJECT|ISSUER|SAN)$/;

function inOneLine(provider: Provider): Provider {
  return (facts) => {
    const value = provider(facts);
    return typeof value === 'string' ? inLine(value) : value;
  };
}

function cut(provider: Provider, length: number | null): Provider {
  if (length === null) return provider;
  return (facts) => {
    const value = provider(facts);
    return typeof value === 'string' ? value.slice(0, length) : value;
  };
}

function unknown(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `unknown operator ${name}${near === null ? '' : ` (did you mean ${near}?)`}`;
}
