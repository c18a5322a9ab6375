// The request target and the Host: where a request is meant to go (RFC 9112 3.2).

import { FAULT, type Fault } from './fault.ts';
import { interned, type Known, KnownWords } from './known.ts';

export interface Place {
  readonly path: string;
  readonly authority: string;
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/;

/** A host with an optional port; IPv6 in brackets. No user information, no list, no empty port digits. */
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * A fragment is kept: it is refused where the path is judged, with the request in the log.
 * Origin-form and `*` keep the Host; in absolute-form the target's authority replaces it (RFC 9112 3.2.2).
 * null where the form is not allowed.
 */
export function readTarget(method: string, target: string, host: string): Place | Fault | null {
  const authority = authorityOf(host);
  if (target.charCodeAt(0) === 47 && method === 'CONNECT') return null;
  if (authority === null) return FAULT.badHost;
  if (target.charCodeAt(0) === 47) return { path: target, authority };
  if (target === '*') return method === 'OPTIONS' ? { path: '*', authority } : null;
  if (method === 'CONNECT') return AUTHORITY.test(target) ? { path: '', authority: target } : null;
  return absolute(target);
}

/** Hosts that are remembered: a proxy sees the same ones again and again. */
const known = new KnownWords<Known>(1024, 255);

/** The last one, which familiar fields give as the same copy again. */
let last = '';

/** The host as the program's one copy of it; null where it is none. */
function authorityOf(host: string): string | null {
  if (host === last) return last;
  const found = known.find(host, 0, host.length);
  if (found !== null) {
    last = found.raw;
    return last;
  }
  return AUTHORITY.test(host) ? known.add({ raw: interned(host) }).raw : null;
}

function absolute(target: string): Place | null {
  const parts = ABSOLUTE.exec(target);
  if (parts === null) return null;
  const scheme = (parts[1] as string).toLowerCase();
  const authority = parts[2] as string;
  const rest = parts[3] as string;
  if ((scheme !== 'http' && scheme !== 'https') || authority === '' || !AUTHORITY.test(authority)) return null;
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority };
}
