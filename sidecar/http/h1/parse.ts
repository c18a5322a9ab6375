// From the text of a head to a RequestHead or ResponseHead and its framing, or a Fault. Pure. Strict:
// no byte is repaired by deletion, nothing that decides something is merged or taken twice
// (robustness.md 2.2 and 2.3; RFC 9112).

import { type HeaderList, type HttpVersion, type RequestHead, type ResponseHead, removeField } from '../head.ts';
import { digits, isTarget, isToken, trimOws } from './characters.ts';
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
import { interned, type Known, KnownWords } from './known.ts';
import { readTarget } from './target.ts';

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

export interface RequestRules extends HeadLimits {
  readonly acceptHttp10: boolean;
  /** Methods beyond the registered ones. */
  readonly customMethods: boolean;
}

/** How the body after a head is delimited. `length` -1: chunked; -2: until the connection ends. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

export interface ParsedRequest {
  readonly head: RequestHead;
  readonly length: number;
  /** The client will send no further request on this connection. */
  readonly close: boolean;
  /** An HTTP/1.0 client asked to keep the connection. */
  readonly keepAlive: boolean;
  /** Bytes of the field lines as Envoy counts them: a line end is one. */
  readonly fieldBytes: number;
}

export interface ParsedResponse {
  readonly fieldBytes: number;
  readonly head: ResponseHead;
  readonly length: number;
  readonly close: boolean;
  /** Lower-case protocol named by a 101. */
  readonly upgrade: string | null;
}

/** Members of `Connection` that are looked at; more is an attack on somebody's list handling. */
const MAX_CONNECTION_MEMBERS = 32;

/** Methods that are taken without asking (RFC 9110, WebDAV and its kin), as in Envoy. */
const METHODS = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL ' +
    'MOVE M-SEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);

const methods = new KnownWords<Known>(METHODS.size, 16);
for (const raw of METHODS) methods.add({ raw: interned(raw) });

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
interface Fields {
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

/**
 * `text` begins with the head, and `scan` says where its lines are; `wireBytes` is its length with its empty
 * line. Nothing is cut out of `text` before it is read: walking through a cut-out costs more per character.
 */
export function parseRequest(
  text: string,
  scan: HeadScan,
  wireBytes: number,
  scheme: 'http' | 'https',
  rules: RequestRules,
): ParsedRequest | Fault {
  if (scan.lines === 0) return FAULT.requestLine;
  const lineOver = scan.end(0);
  const first = text.indexOf(' ');
  const last = text.lastIndexOf(' ', lineOver - 1);
  if (first <= 0 || last <= first) return FAULT.requestLine;
  const version = versionAt(text, last + 1, lineOver);
  if (version === 0) return FAULT.version;
  if (version === 10 && !rules.acceptHttp10) return FAULT.lowVersion;
  const method = methods.find(text, 0, first)?.raw ?? text.slice(0, first);
  const target = text.slice(first + 1, last);
  if (!METHODS.has(method)) {
    if (!isToken(method)) return FAULT.requestLine;
    if (!rules.customMethods) return FAULT.method;
  }
  if (method === 'TRACE') return FAULT.trace;
  if (!isTarget(target)) return FAULT.target;
  const found = readFields(text, scan, 1, rules);
  if ('reason' in found) return found;
  return requestOf(method, target, version, found, wireBytes, scheme, fieldBytes(wireBytes, lineOver, found.count));
}

function requestOf(
  method: string,
  target: string,
  version: HttpVersion,
  found: Fields,
  wireBytes: number,
  scheme: 'http' | 'https',
  bytes: number,
): ParsedRequest | Fault {
  const length = bodyLength(found, version);
  if (typeof length !== 'number') return length;
  const place = readTarget(method, target, found.host ?? '');
  if (place === null) return FAULT.target;
  if ('reason' in place) return place;
  const members = connectionMembers(found.connection);
  if ('reason' in members) return members;
  const upgrade = version === 11 && members.names.has('upgrade') ? wantedUpgrade(found.upgrade) : null;
  if (upgrade !== null && length !== 0) return FAULT.upgradeWithBody;
  if (method === 'CONNECT' && length !== 0) return FAULT.connectWithBody;
  dropNominated(found.headers, members.names);
  const expects = found.expect !== null && version === 11 && length !== 0;
  if (expects && found.expect !== '100-continue') return FAULT.expectation;
  // Without a body there is nothing to wait for; a stray Expect is a desync gadget for the next hop.
  if (found.expect !== null && !expects) removeField(found.headers, 'expect');
  if (found.te) found.headers.push('te', 'trailers');
  if (upgrade !== null) found.headers.push('upgrade', found.upgrade as string);
  const head: RequestHead = {
    method,
    path: place.path,
    authority: found.host === null && version === 11 ? '' : place.authority,
    scheme,
    version,
    headers: found.headers,
    upgrade,
    expectsContinue: expects,
    wireBytes,
  };
  // HTTP/1.1 without a Host is refused above the codec; whoever sends it is not listened to any longer.
  const close = members.names.has('close') || (version === 11 && found.host === null);
  return { head, length, close, keepAlive: members.names.has('keep-alive'), fieldBytes: bytes };
}

/** An upgrade to HTTP/2 is never passed on: the offer is dropped, as RFC 9113 3.1 and Envoy have it. */
function wantedUpgrade(value: string | null): string | null {
  const type = value?.toLowerCase() ?? null;
  return type === 'h2c' ? null : type;
}

/** As parseRequest. `method` of the request decides whether an answer has a body (RFC 9112 6.3). */
export function parseResponse(
  text: string,
  scan: HeadScan,
  wireBytes: number,
  method: string,
  limits: HeadLimits,
): ParsedResponse | Fault {
  if (scan.lines === 0) return FAULT.statusLine;
  const lineOver = scan.end(0);
  const version = versionAt(text, 0, Math.min(lineOver, VERSION_LENGTH));
  if (version === 0) return FAULT.version;
  const status = text.charCodeAt(VERSION_LENGTH) === 32 ? statusAt(text, VERSION_LENGTH + 1) : -1;
  const after = lineOver > 12 ? text.charCodeAt(12) : 32;
  if (status < 100 || status > 599 || after !== 32) return FAULT.statusLine;
  const found = readFields(text, scan, 1, limits);
  if ('reason' in found) return found;
  return responseOf(status, version, found, wireBytes, method, fieldBytes(wireBytes, lineOver, found.count));
}

/** Three digits, or -1. */
function statusAt(text: string, at: number): number {
  let status = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = text.charCodeAt(i) - 48;
    // Past the end of the text it is NaN, which is not in range either.
    if (!(digit >= 0 && digit <= 9)) return -1;
    status = status * 10 + digit;
  }
  return status;
}

/** What is left of a head without its first line, its last line end, and one byte of each line's own. */
function fieldBytes(wireBytes: number, firstLine: number, lines: number): number {
  return Math.max(wireBytes - firstLine - 4 - lines, 3);
}

function responseOf(
  status: number,
  version: HttpVersion,
  found: Fields,
  wireBytes: number,
  method: string,
  bytes: number,
): ParsedResponse | Fault {
  const framed = bodyLength(found, version);
  if (typeof framed !== 'number') return framed;
  const members = connectionMembers(found.connection);
  if ('reason' in members) return members;
  dropNominated(found.headers, members.names);
  if (found.host !== null) found.headers.push('host', found.host);
  const upgrade = status === 101 && found.upgrade !== null ? found.upgrade.toLowerCase() : null;
  if (upgrade !== null) found.headers.push('upgrade', found.upgrade as string);
  const head: ResponseHead = { status, headers: found.headers, version, wireBytes };
  const unframed = found.contentLength === -1 && found.transferEncoding === null;
  const bodiless = status < 200 || status === 204 || status === 304 || method === 'HEAD';
  const length = bodiless ? 0 : unframed ? UNTIL_CLOSE : framed;
  const keepAlive =
    version === 11 ? !members.names.has('close') : members.names.has('keep-alive') && !members.names.has('close');
  return { head, length, close: !keepAlive || length === UNTIL_CLOSE, upgrade, fieldBytes: bytes };
}

const VERSION_LENGTH = 'HTTP/1.1'.length;

/** 0: no version that is spoken here. */
function versionAt(text: string, from: number, end: number): HttpVersion | 0 {
  if (end - from !== VERSION_LENGTH || !text.startsWith('HTTP/1.', from)) return 0;
  const minor = text.charCodeAt(end - 1);
  return minor === 49 ? 11 : minor === 48 ? 10 : 0;
}

/** Reads the field lines of `text` from line `from` on. Also used for trailers. */
export function readFields(text: string, scan: HeadScan, from: number, limits: HeadLimits): Fields | Fault {
  const found: Fields = {
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
function sortField(found: Fields, field: FieldName, value: string, limits: HeadLimits): Fault | null {
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
function bodyLength(found: Fields, version: HttpVersion): number | Fault {
  if (found.transferEncoding === null) return Math.max(found.contentLength, 0);
  if (found.contentLength !== -1) return FAULT.lengthAndChunked;
  if (found.transferEncoding !== 'chunked') return FAULT.transferEncoding;
  if (version === 10) return FAULT.transferEncodingVersion;
  return CHUNKED;
}

function listHas(value: string, member: string): boolean {
  return value.split(',').some((part) => part.trim().toLowerCase() === member);
}

const NO_MEMBERS: { readonly names: ReadonlySet<string> } = { names: new Set() };
const KEEP_ALIVE: { readonly names: ReadonlySet<string> } = { names: new Set(['keep-alive']) };
const CLOSE: { readonly names: ReadonlySet<string> } = { names: new Set(['close']) };

function connectionMembers(list: string | null): { readonly names: ReadonlySet<string> } | Fault {
  if (list === null) return NO_MEMBERS;
  if (list === 'keep-alive' || list === 'Keep-Alive') return KEEP_ALIVE;
  if (list === 'close') return CLOSE;
  const names = list.split(',').map((part) => part.trim().toLowerCase());
  if (names.length > MAX_CONNECTION_MEMBERS) return FAULT.connectionMembers;
  return { names: new Set(names) };
}

/** Removes what `Connection` nominates, except what no peer may take away from us. */
function dropNominated(headers: HeaderList, members: ReadonlySet<string>): void {
  if (members === NO_MEMBERS.names || members === KEEP_ALIVE.names || members === CLOSE.names) return;
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (members.has(name) && !PROTECTED.has(name) && !name.startsWith('x-envoy-')) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  if (kept !== headers.length) headers.length = kept;
}
