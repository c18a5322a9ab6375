// What a forwarding route makes of path and Host before a request goes up.

import { field, fields, type RequestHead, setField } from '../http/head.ts';
import type { ForwardAction, RouteMatch } from '../model/route.ts';

/** Rewrites the path as the route says; the query stays. The client's path is left in a header. */
export function rewritePath(
  head: RequestHead,
  match: RouteMatch,
  rewrite: ForwardAction['pathRewrite'],
  keepOriginal: boolean,
): void {
  if (rewrite === null) return;
  const original = head.path;
  const end = original.indexOf('?');
  const path = end === -1 ? original : original.slice(0, end);
  const query = end === -1 ? '' : original.slice(end);
  const rewritten = rewrittenPath(path, match, rewrite);
  // A rewrite that leaves nothing is none.
  if (rewritten === '') return;
  head.path = rewritten + query;
  if (keepOriginal) setField(head.headers, 'x-envoy-original-path', original);
}

export function rewrittenPath(
  path: string,
  match: RouteMatch,
  rewrite: NonNullable<ForwardAction['pathRewrite']>,
): string {
  if (rewrite.kind === 'prefix') return rewrite.value + path.slice(matchedLength(path, match));
  return rewrite.rewrite.regex.replaceAll(path, rewrite.rewrite.substitution);
}

/** Characters of the path that the route's matcher covers: all of it but for prefixes. */
function matchedLength(path: string, match: RouteMatch): number {
  const rule = match.path;
  return rule.kind === 'prefix' || rule.kind === 'path-separated-prefix' ? rule.value.length : path.length;
}

/** Rewrites that depend on the request alone; `auto_host_rewrite` waits for the host. */
export function rewriteHost(head: RequestHead, action: ForwardAction, weightedLiteral: string | null): void {
  const rewrite = action.hostRewrite;
  // Envoy leaves no trace of what stood there before a weighted cluster's own host.
  if (weightedLiteral !== null) head.authority = weightedLiteral;
  if (rewrite === null || rewrite.kind === 'auto') return;
  if (rewrite.kind === 'literal') setHost(head, rewrite.value, action.appendXForwardedHost);
  else if (rewrite.kind === 'header') {
    const value = field(head.headers, rewrite.name);
    if (value !== null && value !== '') setHost(head, value, action.appendXForwardedHost);
  } else {
    const end = head.path.indexOf('?');
    const path = end === -1 ? head.path : head.path.slice(0, end);
    setHost(head, rewrite.rewrite.regex.replaceAll(path, rewrite.rewrite.substitution), action.appendXForwardedHost);
  }
}

/** A rewritten Host leaves what the client asked for in a header. */
export function setHost(head: RequestHead, host: string, appendForwarded: boolean): void {
  const original = head.authority;
  if (appendForwarded && original !== '') {
    const hops = fields(head.headers, 'x-forwarded-host').flatMap((value) => value.split(','));
    if (hops.at(-1)?.trim() !== original) setField(head.headers, 'x-forwarded-host', [...hops, original].join(','));
  }
  if (original !== '') setField(head.headers, 'x-envoy-original-host', original);
  head.authority = host;
}
