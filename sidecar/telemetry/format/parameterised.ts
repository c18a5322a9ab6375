// Operators with parameters: NAME(parameter):length. Each entry compiles its parameter once.

import { isPipe } from '../../../core/addresses.ts';
import type { RequestFacts } from '../facts.ts';
import { grpcStatus } from './grpc.ts';
import { validity } from './peer.ts';
import { connectedTo, detailsText } from './plain.ts';
import { compileTime } from './time.ts';
import { encoded, FormatError, type Provider, type Value } from './value.ts';

/** `parameter` is null when there were no brackets. */
export type Compile = (parameter: string | null, compileOther: (operator: Operator) => Provider) => Provider;

export interface Operator {
  readonly name: string;
  readonly parameter: string | null;
  readonly length: number | null;
}

/** The clock that EMIT_TIME reads. */
export interface TimeSource {
  wall(): number;
}

export function parameterised(clock: TimeSource): Readonly<Record<string, Compile>> {
  const emit =
    (zone: 'utc' | 'local'): Compile =>
    (format) => {
      const print = compileTime(format, zone);
      return () => print(clock.wall());
    };
  return { ...FIXED, EMIT_TIME: emit('utc'), EMIT_TIME_LOCAL: emit('local') };
}

const FIXED: Readonly<Record<string, Compile>> = {
  REQ: header('REQ', (facts, name) => facts.requestHeader(name)),
  REQUEST_HEADER: header('REQUEST_HEADER', (facts, name) => facts.requestHeader(name)),
  STREAM_INFO_REQ: header('STREAM_INFO_REQ', (facts, name) => facts.requestHeader(name)),
  RESP: header('RESP', responseField),
  RESPONSE_HEADER: header('RESPONSE_HEADER', responseField),
  TRAILER: header('TRAILER', (facts, name) => facts.responseTrailer(name)),
  RESPONSE_TRAILER: header('RESPONSE_TRAILER', (facts, name) => facts.responseTrailer(name)),
  REQ_WITHOUT_QUERY: header('REQ_WITHOUT_QUERY', (facts, name) => facts.requestHeader(name)?.split('?', 1)[0] ?? null),
  START_TIME: startTime('utc'),
  START_TIME_LOCAL: startTime('local'),
  COMMON_DURATION: (parameter) => commonDuration(needed('COMMON_DURATION', parameter)),
  RESPONSE_CODE_DETAILS: (parameter) => (facts) =>
    detailsText(facts.responseCodeDetails, parameter === 'ALLOW_WHITESPACES'),
  GRPC_STATUS: (parameter) => grpcStatus(parameter ?? ''),
  ENVIRONMENT: (parameter) => {
    const value = process.env[needed('ENVIRONMENT', parameter)];
    const fixed = value === undefined ? '-' : encoded(value);
    return () => fixed;
  },
  METADATA: (parameter) => metadata(needed('METADATA', parameter)),
  CLUSTER_METADATA: (parameter) => metadata(`CLUSTER:${needed('CLUSTER_METADATA', parameter)}`),
  UPSTREAM_METADATA: (parameter) => metadata(`UPSTREAM_HOST:${needed('UPSTREAM_METADATA', parameter)}`),
  DYNAMIC_METADATA: (parameter) => nothing(needed('DYNAMIC_METADATA', parameter)),
  FILTER_STATE: (parameter) => nothing(needed('FILTER_STATE', parameter)),
  UPSTREAM_FILTER_STATE: (parameter) => nothing(needed('UPSTREAM_FILTER_STATE', parameter)),
  QUERY_PARAM: (parameter) => queryParameter(needed('QUERY_PARAM', parameter)),
  QUERY_PARAMS: (parameter) => queryParameters(oneOf('QUERY_PARAMS', parameter ?? 'ORIG', ['ORIG', 'DECODED'])),
  PATH: (parameter) => path(parameter ?? 'WQ'),
  REQUESTED_SERVER_NAME: (parameter) => serverName(parameter ?? 'SNI_ONLY'),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: address((facts) => facts.remote.host),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: address((facts) => facts.connection.direct.host),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: address((facts) => facts.connection.local.host),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: address((facts) => facts.connection.local.host),
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: address((facts) => facts.upstreamLocal?.host ?? null),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: address((facts) => connectedTo(facts)?.host ?? null),
  DOWNSTREAM_PEER_CERT_V_START: (format) => validity('downstream', false, format),
  DOWNSTREAM_PEER_CERT_V_END: (format) => validity('downstream', true, format),
  UPSTREAM_PEER_CERT_V_START: (format) => validity('upstream', false, format),
  UPSTREAM_PEER_CERT_V_END: (format) => validity('upstream', true, format),
  COALESCE: (parameter, compileOther) => coalesce(needed('COALESCE', parameter), compileOther),
};

function needed(name: string, parameter: string | null): string {
  if (parameter === null || parameter === '') throw new FormatError(`${name} requires parameters`);
  return parameter;
}

function oneOf(name: string, option: string, allowed: readonly string[]): string {
  if (allowed.includes(option)) return option;
  throw new FormatError(`${name} takes ${allowed.join(' or ')}, not "${option}"`);
}

function nothing(_key: string): Provider {
  return () => null;
}

/** `X` or `X?Y`: the first of them that is there. Of a repeated field the first value. */
function header(operator: string, read: (facts: RequestFacts, name: string) => string | null): Compile {
  return (parameter) => {
    const [name = '', alternative, ...more] = needed(operator, parameter).toLowerCase().split('?');
    if (more.length > 0) throw new FormatError(`${operator}(${parameter}): more than one alternative`);
    if (alternative === undefined) return (facts) => read(facts, name);
    return (facts) => read(facts, name) ?? read(facts, alternative);
  };
}

function responseField(facts: RequestFacts, name: string): string | null {
  if (name !== ':status') return facts.responseHeader(name);
  return facts.responseCode === 0 ? null : String(facts.responseCode);
}

function startTime(zone: 'utc' | 'local'): Compile {
  return (format) => {
    if (format?.includes('\n')) throw new FormatError('START_TIME: the format contains a newline');
    const print = compileTime(format, zone);
    return (facts) => print(facts.startWallMs);
  };
}

const MARKS: Readonly<Record<string, (facts: RequestFacts) => number>> = {
  DS_RX_BEG: (facts) => facts.startMs,
  DS_RX_END: (facts) => facts.requestEndMs,
  US_TX_BEG: (facts) => facts.upstreamTxStartMs,
  US_TX_END: (facts) => facts.upstreamTxEndMs,
  US_RX_BEG: (facts) => facts.upstreamRxStartMs,
  US_RX_BODY_BEG: (facts) => facts.upstreamRxStartMs,
  US_RX_END: (facts) => facts.upstreamRxEndMs,
  DS_TX_BEG: (facts) => facts.responseStartMs,
  DS_TX_END: (facts) => facts.endMs,
  US_CX_BEG: () => -1,
  US_CX_END: () => -1,
  US_HS_END: () => -1,
};
const UNITS_PER_MS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

/** `START:END[:unit]` between two marks of a request. */
function commonDuration(parameter: string): Provider {
  const [from = '', to = '', unit = 'ms', ...more] = parameter.split(':');
  const start = MARKS[from];
  const end = MARKS[to];
  const scale = UNITS_PER_MS[unit];
  if (start === undefined || end === undefined || scale === undefined || more.length > 0) {
    throw new FormatError(
      `COMMON_DURATION(${parameter}): expected START:END:ms|us|ns with ${Object.keys(MARKS).join(', ')}`,
    );
  }
  return (facts) => {
    const begun = start(facts);
    const ended = end(facts);
    return begun < 0 || ended < begun ? null : Math.floor((ended - begun) * scale);
  };
}

type Lookup = (facts: RequestFacts, namespace: string, path: readonly string[]) => unknown;

const METADATA_OF: Readonly<Record<string, Lookup>> = {
  ROUTE: (facts, namespace, keys) => facts.routeMetadata(namespace, keys),
  CLUSTER: (facts, namespace, keys) => facts.clusterMetadata(namespace, keys),
  VIRTUAL_HOST: (facts, namespace, keys) => facts.virtualHostMetadata?.(namespace, keys),
  UPSTREAM_HOST: (facts, namespace, keys) => facts.upstreamHostMetadata?.(namespace, keys),
  DYNAMIC: () => null,
  LISTENER: () => null,
  LISTENER_FILTER_CHAIN: () => null,
};

/** `TYPE:namespace:key:...` */
function metadata(parameter: string): Provider {
  const [type = '', namespace = '', ...keys] = parameter.split(':');
  const lookup = METADATA_OF[type];
  if (lookup === undefined)
    throw new FormatError(`METADATA: "${type}" is not one of ${Object.keys(METADATA_OF).join(', ')}`);
  return (facts) => asValue(lookup(facts, namespace, keys));
}

function asValue(found: unknown): Value {
  if (found === undefined || found === null) return null;
  return typeof found === 'string' ? encoded(found) : (found as Value);
}

function queryOf(facts: RequestFacts): string | null {
  const target = facts.requestHeader(':path');
  const mark = target?.indexOf('?') ?? -1;
  return target === null || mark < 0 ? null : target.slice(mark + 1);
}

/** Percent-decoded; a sequence that is none stays as it is. Bytes stay bytes. */
function unescaped(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function queryParameter(name: string): Provider {
  return (facts) => {
    for (const pair of queryOf(facts)?.split('&') ?? []) {
      const equals = pair.indexOf('=');
      const key = equals < 0 ? pair : pair.slice(0, equals);
      if (unescaped(key) === name) return unescaped(equals < 0 ? '' : pair.slice(equals + 1));
    }
    return null;
  };
}

function queryParameters(form: string): Provider {
  if (form === 'ORIG') return queryOf;
  return (facts) => {
    const query = queryOf(facts);
    return query === null ? null : query.split('&').map(unescaped).join('&');
  };
}

/** `WQ` with the query, `NQ` without; then from which header. */
function path(parameter: string): Provider {
  const [query = '', from = 'ORIG_OR_PATH', ...more] = parameter.split(':');
  oneOf('PATH', query, ['WQ', 'NQ']);
  oneOf('PATH', from, ['ORIG', 'PATH', 'ORIG_OR_PATH']);
  if (more.length > 0) throw new FormatError(`PATH(${parameter}): too many options`);
  const original = (facts: RequestFacts) => facts.requestHeader('x-envoy-original-path');
  const present = (facts: RequestFacts) => facts.requestHeader(':path');
  const read = {
    ORIG: original,
    PATH: present,
    ORIG_OR_PATH: (facts: RequestFacts) => original(facts) ?? present(facts),
  }[from] as Provider;
  return query === 'WQ' ? read : (facts) => (read(facts) as string | null)?.split('?', 1)[0] ?? null;
}

function serverName(parameter: string): Provider {
  const order = oneOf('REQUESTED_SERVER_NAME', parameter.split(':', 1)[0] as string, [
    'SNI_ONLY',
    'SNI_FIRST',
    'HOST_FIRST',
  ]);
  const host = (facts: RequestFacts) => facts.requestHeader(':authority');
  if (order === 'SNI_ONLY') return (facts) => facts.connection.serverName;
  if (order === 'SNI_FIRST') return (facts) => facts.connection.serverName ?? host(facts);
  return (facts) => host(facts) ?? facts.connection.serverName;
}

/** An address, or with a number the network of so many bits that it is in. */
/** Our own end of a connection to a Unix socket has no name. */
function named(host: string | null): string | null {
  return host === null || host === '' ? null : encoded(host);
}

function address(read: (facts: RequestFacts) => string | null): Compile {
  return (parameter) => {
    if (parameter === null) return (facts) => named(read(facts));
    if (!/^\d{1,3}$/.test(parameter) || Number(parameter) > 128)
      throw new FormatError(`"${parameter}" is no prefix length`);
    const bits = Number(parameter);
    return (facts) => {
      const host = named(read(facts));
      return host === null || host.includes(':') || isPipe(host) ? host : network(host, Math.min(bits, 32));
    };
  };
}

function network(host: string, bits: number): string {
  const octets = host
    .split('.')
    .map((octet, i) => Number(octet) & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
  return `${octets.join('.')}/${bits}`;
}

/** `{"operators": ["NAME", {"command": "REQ", "param": "x-a", "max_length": 3}]}`: the first that gives something. */
function coalesce(parameter: string, compileOther: (operator: Operator) => Provider): Provider {
  const providers = coalesceOperators(parameter).map((operator) => compileOther(operator));
  return (facts) => {
    for (const provider of providers) {
      const value = provider(facts);
      if (value !== null && value !== '') return value;
    }
    return null;
  };
}

function coalesceOperators(parameter: string): Operator[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(parameter);
  } catch (error) {
    throw new FormatError(`COALESCE: ${(error as Error).message}`);
  }
  const operators = (parsed as { operators?: unknown }).operators;
  if (!Array.isArray(operators) || operators.length === 0)
    throw new FormatError('COALESCE requires a list of operators');
  return operators.map((operator: unknown) => {
    if (typeof operator === 'string') return { name: operator, parameter: null, length: null };
    const { command, param, max_length } = operator as { command?: string; param?: string; max_length?: number };
    if (typeof command !== 'string') throw new FormatError('COALESCE: an operator requires a command');
    return { name: command, parameter: param ?? null, length: max_length ?? null };
  });
}
