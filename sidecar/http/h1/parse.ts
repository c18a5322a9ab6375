// From the text of a head to a RequestHead or ResponseHead and its framing, or a Fault. Pure. Strict:
// no byte is repaired by deletion, nothing that decides something is merged or taken twice
// (robustness.md 2.2 and 2.3; RFC 9112).

import { type HttpVersion, type RequestHead, type ResponseHead, removeField } from '../head.ts';
import { CONNECT } from '../authority.ts';
import { isTarget, isToken } from './characters.ts';
import { FAULT, type Fault } from './fault.ts';
import {
  bodyLength,
  connectionMembers,
  dropNominated,
  type Fields,
  type HeadLimits,
  readFields,
  UNTIL_CLOSE,
} from './fields.ts';
import type { HeadScan } from './head-scan.ts';
import { interned, type Known, KnownWords } from './known.ts';
import { readTarget } from './target.ts';

export interface RequestRules extends HeadLimits {
  readonly acceptHttp10: boolean;
  /** Methods beyond the registered ones. */
  readonly customMethods: boolean;
}

export interface ParsedRequest {
  readonly head: RequestHead;
  readonly length: number;
  /** The client will send no further request on this connection. */
  readonly close: boolean;
  /** An HTTP/1.0 client asked to keep the connection. */
  readonly keepAlive: boolean;
  /** Bytes of the field lines as Envoy counts them: a line end is one. */
  readonly fieldBytes: number;
  /** Text that begins with the head and goes on with what came with it; '' where the head was collected. */
  readonly window: string;
}

export interface ParsedResponse {
  /** As in ParsedRequest. */
  readonly window: string;
  readonly fieldBytes: number;
  readonly head: ResponseHead;
  readonly length: number;
  readonly close: boolean;
  /** Lower-case protocol named by a 101. */
  readonly upgrade: string | null;
}

/** Methods that are taken without asking (RFC 9110, WebDAV and its kin), as in Envoy. */
export const METHODS = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL ' +
    'MOVE M-SEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);

const methods = new KnownWords<Known>(METHODS.size, 16);
for (const raw of METHODS) methods.add({ raw: interned(raw) });

/** The registered method that is `text` up to `end`, or null. */
export function knownMethod(text: string, end: number): string | null {
  const method = methods.find(text, 0, end)?.raw ?? null;
  return method === 'TRACE' ? null : method;
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
  return requestOf(method, target, version, found, wireBytes, scheme, fieldBytes(wireBytes, lineOver, found.count), '');
}

export function requestOf(
  method: string,
  target: string,
  version: HttpVersion,
  found: Fields,
  wireBytes: number,
  scheme: 'http' | 'https',
  bytes: number,
  window: string,
): ParsedRequest | Fault {
  const length = bodyLength(found, version);
  if (typeof length !== 'number') return length;
  const place = readTarget(method, target, found.host ?? '');
  if (place === null) return FAULT.target;
  if ('reason' in place) return place;
  const members = connectionMembers(found.connection);
  if ('reason' in members) return members;
  const isConnect = method === 'CONNECT';
  if (isConnect && length !== 0) return FAULT.connectWithBody;
  const offered = version === 11 && members.upgrade && !isConnect ? wantedUpgrade(found.upgrade) : null;
  if (offered !== null && length !== 0) return FAULT.upgradeWithBody;
  dropNominated(found.headers, members);
  const expects = found.expect !== null && version === 11 && length !== 0;
  if (expects && found.expect !== '100-continue') return FAULT.expectation;
  // Without a body there is nothing to wait for; a stray Expect is a desync gadget for the next hop.
  if (found.expect !== null && !expects) removeField(found.headers, 'expect');
  if (found.te) found.headers.push('te', 'trailers');
  if (offered !== null) found.headers.push('upgrade', found.upgrade as string);
  if (isConnect) removeField(found.headers, 'content-length');
  const head: RequestHead = {
    method,
    path: place.path,
    authority: found.host === null && version === 11 ? '' : place.authority,
    scheme,
    version,
    headers: found.headers,
    upgrade: isConnect ? CONNECT : offered,
    expectsContinue: expects,
    wireBytes,
  };
  // HTTP/1.1 without a Host is refused above the codec; whoever sends it is not listened to any longer.
  const close = members.close || (version === 11 && found.host === null);
  return { head, length, close, keepAlive: members.keepAlive, fieldBytes: bytes, window };
}

/**
 * An upgrade to HTTP/2 is never passed on: the offer is dropped, as RFC 9113 3.1 and Envoy have it. CONNECT is
 * none that a field could ask for.
 */
function wantedUpgrade(value: string | null): string | null {
  const type = value?.toLowerCase() ?? null;
  return type === 'h2c' || type === CONNECT ? null : type;
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
  return responseOf(status, version, found, wireBytes, method, fieldBytes(wireBytes, lineOver, found.count), '');
}

/** Three digits, or -1. */
export function statusAt(text: string, at: number): number {
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
export function fieldBytes(wireBytes: number, firstLine: number, lines: number): number {
  return Math.max(wireBytes - firstLine - 4 - lines, 3);
}

export function responseOf(
  status: number,
  version: HttpVersion,
  found: Fields,
  wireBytes: number,
  method: string,
  bytes: number,
  window: string,
): ParsedResponse | Fault {
  const framed = bodyLength(found, version);
  if (typeof framed !== 'number') return framed;
  // There is none (RFC 9112 6.1, RFC 9110 8.6); who believes that there is takes the final answer for it.
  if (status < 200 && framed !== 0) return FAULT.interimFraming;
  const members = connectionMembers(found.connection);
  if ('reason' in members) return members;
  dropNominated(found.headers, members);
  if (found.host !== null) found.headers.push('host', found.host);
  const upgrade = status === 101 && found.upgrade !== null ? found.upgrade.toLowerCase() : null;
  if (upgrade !== null) found.headers.push('upgrade', found.upgrade as string);
  const head: ResponseHead = { status, headers: found.headers, version, wireBytes };
  const unframed = found.contentLength === -1 && found.transferEncoding === null;
  const bodiless = status < 200 || status === 204 || status === 304 || method === 'HEAD';
  const length = bodiless ? 0 : unframed ? UNTIL_CLOSE : framed;
  const keepAlive = version === 11 ? !members.close : members.keepAlive && !members.close;
  return { head, length, close: !keepAlive || length === UNTIL_CLOSE, upgrade, fieldBytes: bytes, window };
}

export const VERSION_LENGTH = 'HTTP/1.1'.length;

/** `HTTP/1.` stands at `at`; compared by character, since a call costs more than they do. */
function isHttp1(text: string, at: number): boolean {
  return (
    text.charCodeAt(at) === 72 &&
    text.charCodeAt(at + 1) === 84 &&
    text.charCodeAt(at + 2) === 84 &&
    text.charCodeAt(at + 3) === 80 &&
    text.charCodeAt(at + 4) === 47 &&
    text.charCodeAt(at + 5) === 49 &&
    text.charCodeAt(at + 6) === 46
  );
}

/** 0: no version that is spoken here. */
export function versionAt(text: string, from: number, end: number): HttpVersion | 0 {
  if (end - from !== VERSION_LENGTH || !isHttp1(text, from)) return 0;
  const minor = text.charCodeAt(end - 1);
  return minor === 49 ? 11 : minor === 48 ? 10 : 0;
}
