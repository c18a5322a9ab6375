// The field lines of a head, sorted into what concerns this hop and what goes on, and how they frame the body
// (RFC 9110 5 and 7.6.1, RFC 9112 6). Strict: nothing that decides something is merged or taken twice.

import type { HeaderList, HttpVersion } from '../head.ts';
import { digits, trimOws } from './characters.ts';
import { FAULT, type Fault } from './fault.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  type FieldName,
  fieldName,
  HOP,
  HOST,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.ts';
import type { HeadScan } from './head-scan.ts';

export interface HeadLimits {
  readonly maxHeadersCount: number;
  readonly maxHeadersBytes: number;
  readonly underscores: 'allow' | 'reject' | 'drop';
  /** What the last two are counted in. */
  readonly counts?: UnderscoreCounts;
}

export interface UnderscoreCounts {
  dropped_headers_with_underscores: number;
  requests_rejected_with_underscores_in_headers: number;
}

/** How the body after a head is delimited. `length` -1: chunked; -2: until the connection ends. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** Members of `Connection` that are looked at; more is an attack on somebody's list handling. */
const MAX_CONNECTION_MEMBERS = 32;

/** What `Connection` may not nominate for removal: framing, routing, credentials, and what policy reads. */
const PROTECTED = new Set([
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-client-cert',
  'forwarded',
  'traceparent',
  'tracestate',
  'b3',
]);

/** The lines of a head, sorted into what concerns this hop and what goes on. Filled by `readFields`. */
export interface Fields {
  readonly headers: HeaderList;
  host: string | null;
  contentLength: number;
  transferEncoding: string | null;
  /** Its values as one list. */
  connection: string | null;
  upgrade: string | null;
  expect: string | null;
  te: boolean;
  count: number;
}

export function noFields(): Fields {
  return {
    headers: [],
    host: null,
    contentLength: -1,
    transferEncoding: null,
    connection: null,
    upgrade: null,
    expect: null,
    te: false,
    count: 0,
  };
}

export function copyOf(fields: Fields): Fields {
  const { headers, host, contentLength, transferEncoding, connection, upgrade, expect, te, count } = fields;
  return { headers: headers.slice(), host, contentLength, transferEncoding, connection, upgrade, expect, te, count };
}

/** Reads the field lines of `text` from line `from` on. Also used for trailers. */
export function readFields(text: string, scan: HeadScan, from: number, limits: HeadLimits): Fields | Fault {
  const found = noFields();
  for (let line = from; line < scan.lines; line++) {
    const start = scan.start(line);
    const colon = scan.colon(line);
    const first = text.charCodeAt(start);
    if (first === 32 || first === 9) return FAULT.folded;
    if (colon === -1) return FAULT.fieldLine;
    const name = fieldName(text, start, colon);
    if (name === null) return FAULT.fieldLine;
    if (++found.count > limits.maxHeadersCount) return FAULT.tooMany;
    const fault = sortField(found, name, trimOws(text, colon + 1, scan.end(line)), limits);
    if (fault !== null) return fault;
  }
  return found;
}

/** Puts one field where it belongs; hop-by-hop fields end here (RFC 9110 7.6.1). */
export function sortField(found: Fields, field: FieldName, value: string, limits: HeadLimits): Fault | null {
  switch (field.kind) {
    case HOST:
      if (found.host !== null) return FAULT.twoHosts;
      found.host = value;
      return null;
    case CONTENT_LENGTH:
      if (found.contentLength !== -1) return FAULT.contentLength;
      // Canonical digits only: what one reader takes for octal must not be another's decimal.
      found.contentLength = value.length > 1 && value.startsWith('0') ? -1 : digits(value);
      if (found.contentLength === -1) return FAULT.contentLength;
      found.headers.push(field.name, value);
      return null;
    case TRANSFER_ENCODING:
      if (found.transferEncoding !== null) return FAULT.transferEncoding;
      found.transferEncoding = value.toLowerCase();
      return null;
    case CONNECTION:
      found.connection = found.connection === null ? value : `${found.connection},${value}`;
      return null;
    case UPGRADE:
      if (found.upgrade !== null) return FAULT.repeated;
      found.upgrade = value;
      return null;
    case EXPECT:
      if (found.expect !== null) return FAULT.repeated;
      found.expect = value.toLowerCase();
      found.headers.push(field.name, value);
      return null;
    case TE:
      if (listHas(value, 'trailers')) found.te = true;
      return null;
    case HOP:
      return null;
    default:
      return keepField(found, field, value, limits);
  }
}

function keepField(found: Fields, field: FieldName, value: string, limits: HeadLimits): Fault | null {
  if (field.underscore && limits.underscores !== 'allow') {
    return withUnderscore(limits);
  }
  const at = field.repeated === null ? -1 : nameIndex(found.headers, field.name);
  if (at === -1) found.headers.push(field.name, value);
  else if (field.repeated === 'refuse') return FAULT.repeated;
  else found.headers[at + 1] += `,${value}`;
  return null;
}

function withUnderscore({ underscores, counts }: HeadLimits): Fault | null {
  if (underscores === 'drop') {
    if (counts !== undefined) counts.dropped_headers_with_underscores++;
    return null;
  }
  if (counts !== undefined) counts.requests_rejected_with_underscores_in_headers++;
  return FAULT.underscore;
}

function nameIndex(headers: HeaderList, name: string): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return i;
  return -1;
}

/** Bytes of body, CHUNKED, or the fault that makes the framing ambiguous (RFC 9112 6.3). */
export function bodyLength(found: Fields, version: HttpVersion): number | Fault {
  if (found.transferEncoding === null) return Math.max(found.contentLength, 0);
  if (found.contentLength !== -1) return FAULT.lengthAndChunked;
  if (found.transferEncoding !== 'chunked') return FAULT.transferEncoding;
  if (version === 10) return FAULT.transferEncodingVersion;
  return CHUNKED;
}

function listHas(value: string, member: string): boolean {
  return value.split(',').some((part) => part.trim().toLowerCase() === member);
}

/** What `Connection` lists, in lower case. */
export interface Members {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Names beyond those three, which may be fields to take away. */
  readonly nominated: ReadonlySet<string> | null;
}

const NO_MEMBERS: Members = { close: false, keepAlive: false, upgrade: false, nominated: null };
const KEEP_ALIVE: Members = { close: false, keepAlive: true, upgrade: false, nominated: null };
const CLOSE: Members = { close: true, keepAlive: false, upgrade: false, nominated: null };

export function connectionMembers(list: string | null): Members | Fault {
  if (list === null) return NO_MEMBERS;
  if (list === 'keep-alive' || list === 'Keep-Alive') return KEEP_ALIVE;
  if (list === 'close') return CLOSE;
  const names = list.split(',').map((part) => part.trim().toLowerCase());
  if (names.length > MAX_CONNECTION_MEMBERS) return FAULT.connectionMembers;
  const nominated = new Set(names);
  return {
    close: nominated.has('close'),
    keepAlive: nominated.has('keep-alive'),
    upgrade: nominated.has('upgrade'),
    nominated,
  };
}

/** Removes what `Connection` nominates, except what no peer may take away from us. */
export function dropNominated(headers: HeaderList, { nominated }: Members): void {
  if (nominated === null) return;
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (nominated.has(name) && !PROTECTED.has(name) && !name.startsWith('x-envoy-')) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  if (kept !== headers.length) headers.length = kept;
}
