// A host with an optional port, as it stands in Host and :authority (RFC 3986 3.2, RFC 9110 7.2).

import { interned, type Known, KnownWords } from './h1/known.ts';

/** IPv6 in brackets. No user information, no list, no empty port digits. */
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

/** What CONNECT is within the house: an upgrade, which no Upgrade field can ask for. */
export const CONNECT = 'connect';

const PORT = /:(\d{1,5})$/;
const LAST_PORT = 65_535;

/** Whether there is a host and a port to connect to (RFC 9110 9.3.6); null where there is none. */
export function connectTarget(target: string): string | null {
  const port = Number(PORT.exec(target)?.[1] ?? 0);
  return port > 0 && port <= LAST_PORT && !target.startsWith(':') ? authorityOf(target) : null;
}

/** Hosts that are remembered: a proxy sees the same ones again and again. */
const known = new KnownWords<Known>(1024, 255);

/** The last one, which familiar fields give as the same copy again. */
let last = '';

/** The host as the program's one copy of it; null where it is none. */
export function authorityOf(host: string): string | null {
  if (host === last) return last;
  const found = known.find(host, 0, host.length);
  if (found !== null) {
    last = found.raw;
    return last;
  }
  return isAuthority(host) ? known.add({ raw: interned(host) }).raw : null;
}
