// The location of a redirecting route (Envoy's RedirectAction), and of direct responses whose status has
// one. Path rewrites were applied to the request by then: the log shows the path that is answered.

import type { RequestHead } from '../http/head.ts';
import type { RedirectAction } from '../model/route.ts';
import { portColon } from './path.ts';

export function redirectLocation(head: RequestHead, action: RedirectAction): string {
  const scheme = action.scheme ?? head.scheme;
  const host = action.host ?? requestHost(head, scheme, action.port !== null);
  const port = action.port === null ? '' : `:${action.port}`;
  return `${scheme}://${host}${port}${redirectPath(head.path, action)}`;
}

/** RFC 9110 10.2.2 gives 201 and 3xx a location: that of the request itself. */
export function ownLocation(head: RequestHead, status: number): string | null {
  return status === 201 || (status >= 300 && status < 400) ? `${head.scheme}://${head.authority}${head.path}` : null;
}

/** The request's Host; a port that is the old scheme's own goes when the scheme changes. */
function requestHost(head: RequestHead, scheme: string, portGiven: boolean): string {
  const colon = portColon(head.authority);
  if (colon === -1) return head.authority;
  const port = head.authority.slice(colon + 1);
  const ownPort = head.scheme === 'http' ? '80' : '443';
  return portGiven || (scheme !== head.scheme && port === ownPort) ? head.authority.slice(0, colon) : head.authority;
}

function redirectPath(full: string, action: RedirectAction): string {
  const end = full.indexOf('?');
  const path = end === -1 ? full : full.slice(0, end);
  const query = end === -1 || action.stripQuery ? '' : full.slice(end);
  if (action.path?.kind !== 'replace') return path + query;
  const replaced = action.path.value.startsWith('/') ? action.path.value : `/${action.path.value}`;
  return replaced.includes('?') ? replaced : replaced + query;
}
