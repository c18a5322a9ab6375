// One canonical path: matched, checked by policy, logged and forwarded are the same string. Normalisation
// follows RFC 3986 6.2.2 as Envoy applies it: dot segments resolved, unreserved characters decoded,
// backslashes to slashes; other escapes stay as they are, case included.

import type { HttpConnectionManager } from '../model/listener.ts';

export type PathVerdict =
  | { readonly kind: 'keep'; readonly path: string }
  | { readonly kind: 'redirect'; readonly path: string }
  | { readonly kind: 'reject'; readonly path: string };

const ESCAPED_SLASH = /%2f|%5c/i;

export function canonicalPath(path: string, config: HttpConnectionManager): PathVerdict {
  if (path.includes('#')) return { kind: 'reject', path };
  if (!config.normalizePath && !config.mergeSlashes && config.escapedSlashes === 'keep') return { kind: 'keep', path };
  const end = path.indexOf('?');
  const query = end === -1 ? '' : path.slice(end);
  let plain = end === -1 ? path : path.slice(0, end);
  const hadEscaped = config.escapedSlashes !== 'keep' && ESCAPED_SLASH.test(plain);
  if (hadEscaped) {
    plain = plain.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    if (config.escapedSlashes === 'reject') return { kind: 'reject', path: plain + query };
  }
  if (config.normalizePath) {
    const normal = normalize(plain);
    if (normal === null) return { kind: 'reject', path };
    plain = normal;
  }
  if (config.mergeSlashes) plain = plain.replace(/\/{2,}/g, '/');
  const kind = hadEscaped && config.escapedSlashes === 'unescape-and-redirect' ? 'redirect' : 'keep';
  return { kind, path: plain + query };
}

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/** null: an escape that is none. */
function normalize(path: string): string | null {
  let text = '';
  for (let i = 0; i < path.length; i++) {
    const character = path.charAt(i);
    if (character === '\\') text += '/';
    else if (character !== '%') text += character;
    else {
      const hex = path.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return null;
      const decoded = String.fromCharCode(Number.parseInt(hex, 16));
      if (decoded === '\0') return null;
      text += UNRESERVED.test(decoded) ? decoded : `%${hex}`;
      i += 2;
    }
  }
  return DOTS_WITH_PARAMETERS.test(text) ? null : resolveDots(text);
}

/** `/..;x/` is a name to some and the parent to others: nobody says which the origin is. */
const DOTS_WITH_PARAMETERS = /\/\.\.?;/;

/** RFC 3986 5.2.4, on a path that begins with a slash. */
function resolveDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment === '.' || segment === '..') {
      if (last) kept.push('');
    } else {
      kept.push(segment);
    }
  });
  return `/${kept.join('/')}`;
}

/** The Host as routes see it: without a port or a trailing dot, where the configuration takes them off. */
export function canonicalHost(authority: string, localPort: number, config: HttpConnectionManager): string {
  let host = authority;
  if (config.stripTrailingHostDot) host = withoutTrailingDot(host);
  if (config.stripPort === 'keep') return host;
  const colon = portColon(host);
  if (colon === -1) return host;
  const port = Number(host.slice(colon + 1));
  return config.stripPort === 'any' || port === localPort ? host.slice(0, colon) : host;
}

function withoutTrailingDot(host: string): string {
  const colon = portColon(host);
  const name = colon === -1 ? host : host.slice(0, colon);
  return name.endsWith('.') ? name.slice(0, -1) + (colon === -1 ? '' : host.slice(colon)) : host;
}

/** Where the port begins, or -1; the colons inside brackets are none. */
export function portColon(host: string): number {
  const colon = host.lastIndexOf(':');
  return colon === -1 || host.indexOf(']', colon) !== -1 ? -1 : colon;
}
