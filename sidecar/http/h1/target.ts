// The request target and the Host: where a request is meant to go (RFC 9112 3.2).

import { authorityOf, connectTarget, isAuthority } from '../authority.ts';
import { FAULT, type Fault } from './fault.ts';

export interface Place {
  readonly path: string;
  readonly authority: string;
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/;

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
  if (method === 'CONNECT') {
    const connected = connectTarget(target);
    return connected === null ? null : { path: '', authority: connected };
  }
  return absolute(target);
}

function absolute(target: string): Place | null {
  const parts = ABSOLUTE.exec(target);
  if (parts === null) return null;
  const scheme = (parts[1] as string).toLowerCase();
  const authority = parts[2] as string;
  const rest = parts[3] as string;
  if ((scheme !== 'http' && scheme !== 'https') || authority === '' || !isAuthority(authority)) return null;
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority };
}
