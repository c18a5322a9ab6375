// The location of a redirecting route (Envoy's RedirectAction).

import type { RequestHead } from '../http/head.ts';
import type { RedirectAction, RouteMatch } from '../model/route.ts';
import { portColon } from './path.ts';
import { rewrittenPath } from './rewrite.ts';

export function redirectLocation(head: RequestHead, action: RedirectAction, match: RouteMatch): string {
  const scheme = action.scheme ?? head.scheme;
  const host = action.host ?? requestHost(head, scheme, action.port !== null);
  const port = action.port === null ? '' : `:${action.port}`;
  return `${scheme}://${host}${port}${redirectPath(head.path, action, match)}`;
}

/** The request's Host; a port that is the old scheme's own goes when the scheme changes. */
function requestHost(head: RequestHead, scheme: string, portGiven: boolean): string {
  const colon = portColon(head.authority);
  if (colon === -1) return head.authority;
  const port = head.authority.slice(colon + 1);
  const ownPort = head.scheme === 'http' ? '80' : '443';
  return portGiven || (scheme !== head.scheme && port === ownPort) ? head.authority.slice(0, colon) : head.authority;
}

function redirectPath(full: string, action: RedirectAction, match: RouteMatch): string {
  const end = full.indexOf('?');
  const path = end === -1 ? full : full.slice(0, end);
  const query = end === -1 || action.stripQuery ? '' : full.slice(end);
  if (action.path === null) return path + query;
  if (action.path.kind === 'replace') return action.path.value.includes('?') ? action.path.value : action.path.value + query;
  return rewrittenPath(path, match, action.path) + query;
}
