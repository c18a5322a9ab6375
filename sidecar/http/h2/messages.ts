// Heads from decoded fields (RFC 9113 8.3): what a request and an answer must have, and how the forms of HTTP/2
// look to the rest of the house, which knows HTTP/1.1's.

import { authorityOf, CONNECT, connectTarget } from '../authority.ts';
import { isTarget, isToken } from '../h1/characters.ts';
import { interned } from '../h1/known.ts';
import { type HeaderList, removeField, type RequestHead, type ResponseHead } from '../head.ts';
import type { Fault } from '../server.ts';
import { H2_FAULT } from './fault.ts';
import type { FieldList } from './field-list.ts';
import { KNOWN } from './hpack/known-field.ts';

/** `wireBytes` of the block; `end`: no body follows; `scheme` that the connection has. */
export function requestHead(
  found: FieldList,
  wireBytes: number,
  end: boolean,
  scheme: 'http' | 'https',
  offersConnect: boolean,
): RequestHead | Fault {
  if (found.fault !== null) return found.fault;
  const method = methodOf(found.method);
  if (!found.has(KNOWN.METHOD) || method === null) return H2_FAULT.messaging;
  if (method === 'TRACE') return H2_FAULT.trace;
  const isConnect = method === 'CONNECT';
  const protocol = found.has(KNOWN.PROTOCOL) ? found.protocol.toLowerCase() : null;
  if (protocol !== null && (!isConnect || !offersConnect || !isToken(protocol) || protocol === CONNECT))
    return H2_FAULT.messaging;
  const isPlainConnect = isConnect && protocol === null;
  if (!hasPlace(found, isPlainConnect)) return H2_FAULT.messaging;
  const upgrade = isPlainConnect ? CONNECT : protocol;
  const authority = isPlainConnect ? connectTarget(found.authority) : authorityIn(found);
  if (authority === null) return H2_FAULT.messaging;
  if ((end || upgrade !== null) && found.contentLength > 0) return H2_FAULT.length;
  const expects = found.expect !== null && !end;
  if (expects && found.expect !== '100-continue') return H2_FAULT.expectation;
  const { headers } = found;
  if (found.expect !== null && !expects) removeField(headers, 'expect');
  if (upgrade !== null) {
    removeField(headers, 'content-length');
    if (protocol !== null) headers.push('upgrade', protocol);
  }
  return {
    method: protocol === null ? method : 'GET',
    path: found.has(KNOWN.PATH) ? found.path : '',
    authority,
    scheme,
    version: 20,
    headers,
    upgrade,
    expectsContinue: expects,
    wireBytes,
  };
}

let lastMethod = 'GET';

/** The program's one copy of it; null where it is no token. */
function methodOf(method: string): string | null {
  if (method === lastMethod) return lastMethod;
  if (!isToken(method)) return null;
  lastMethod = interned(method);
  return lastMethod;
}

/** Whether scheme and path are those of the form: a CONNECT of old has neither. */
function hasPlace(found: FieldList, isPlainConnect: boolean): boolean {
  if (isPlainConnect) return !found.has(KNOWN.PATH) && !found.has(KNOWN.SCHEME) && found.has(KNOWN.AUTHORITY);
  const { path, scheme } = found;
  if (!found.has(KNOWN.PATH) || !found.has(KNOWN.SCHEME) || (scheme !== 'http' && scheme !== 'https')) return false;
  if (path.charCodeAt(0) === 47) return isTarget(path);
  return path === '*' && found.method === 'OPTIONS';
}

/** Of :authority or Host, which may not contradict each other; null where there is none that could be one. */
function authorityIn(found: FieldList): string | null {
  const given = found.has(KNOWN.AUTHORITY) ? found.authority : found.host;
  if (given === '' || (found.host !== '' && found.host !== given)) return null;
  return authorityOf(given);
}

/** Three digits from 100 on; null where the head is malformed. */
export function responseHead(found: FieldList, wireBytes: number): ResponseHead | null {
  if (found.fault !== null || !found.has(KNOWN.STATUS)) return null;
  const status = statusOf(found.status);
  // HTTP/2 has no switching of protocols (RFC 9113 8.6).
  if (status < 100 || status > 599 || status === 101) return null;
  if (found.host !== '') found.headers.push('host', found.host);
  return { status, headers: found.headers, version: 20, wireBytes };
}

const ZERO = 48;

/** Three digits, or -1: `2e2` is a number too, but no status. */
function statusOf(text: string): number {
  if (text.length !== 3) return -1;
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    status = 10 * status + digit;
  }
  return status;
}

/** null where they are none: pseudo fields, fields of a connection, a length (RFC 9110 6.5.1). */
export function trailersOf(found: FieldList): HeaderList | null {
  return found.fault !== null || found.contentLength !== -1 || found.seen !== 0 ? null : found.headers;
}
