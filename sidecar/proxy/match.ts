// From a request to its route: the virtual host by Envoy's order of precedence, then the first route that
// matches. Pure; nothing is looked up that was not compiled.

import type { Exchange } from '../exchange.ts';
import { field, fields, isGrpcType, type RequestHead, requestFields } from '../http/head.ts';
import { cookieValues, headerMatches, queryMatches, stringMatches } from '../model/matching.ts';
import type { RouteMatch, VirtualHost } from '../model/route.ts';
import { portColon } from './path.ts';
import type { RouteIndex } from './route-index.ts';
import type { CompiledHost, CompiledRoute, RouteTable } from './route-table.ts';

export function matchHost(table: RouteTable, authority: string): CompiledHost | null {
  let name = authority;
  if (table.config.ignorePortInHostMatching) {
    const colon = portColon(authority);
    if (colon !== -1) name = authority.slice(0, colon);
  }
  const found = table.exact.get(name);
  if (found !== undefined) return found;
  if (table.exact.size === 0 && table.suffixes.length === 0 && table.prefixes.length === 0) return table.any;
  const folded = name.toLowerCase();
  return table.exact.get(folded) ?? wildcardHost(table, folded) ?? table.any;
}

/** A wildcard stands for at least one character. */
function wildcardHost(table: RouteTable, name: string): CompiledHost | null {
  for (const { text, host } of table.suffixes) {
    if (name.length > text.length && name.endsWith(text)) return host;
  }
  for (const { text, host } of table.prefixes) {
    if (name.length > text.length && name.startsWith(text)) return host;
  }
  return null;
}

/** `require_tls`: what the client used, by x-forwarded-proto; requests from inside may be excused. */
export function mustUseTls(rule: VirtualHost['requireTls'], x: Exchange): boolean {
  if (rule === 'none' || field(x.request.headers, 'x-forwarded-proto') === 'https') return false;
  return rule === 'all' || !x.internal;
}

export function matchRoute(host: CompiledHost, x: Exchange, random: () => number): CompiledRoute | null {
  const { request } = x;
  const end = request.path.indexOf('?');
  const path = end === -1 ? request.path : request.path.slice(0, end);
  if (host.index !== null) return matchIndexed(host.index, host.routes, path, x, random);
  for (const compiled of host.routes) {
    if (routeMatches(compiled.route.match, path, x, random)) return compiled;
  }
  return null;
}

function matchIndexed(
  index: RouteIndex,
  routes: readonly CompiledRoute[],
  path: string,
  x: Exchange,
  random: () => number,
): CompiledRoute | null {
  index.look(path);
  for (let position = index.next(); position !== -1; position = index.next()) {
    const compiled = routes[position] as CompiledRoute;
    if (routeMatches(compiled.route.match, path, x, random)) return compiled;
  }
  return null;
}

function routeMatches(match: RouteMatch, path: string, x: Exchange, random: () => number): boolean {
  const { request } = x;
  if (!pathMatches(match.path, path, request)) return false;
  for (const header of match.headers) {
    if (!headerMatches(header, requestFields(request, header.name))) return false;
  }
  if (match.query.length > 0 && !queryMatches(match.query, request.path)) return false;
  if (match.cookies.length > 0 && !cookiesMatch(match, request)) return false;
  if (match.grpc && !isGrpc(request)) return false;
  if (match.tls !== null && !tlsMatches(match.tls, x)) return false;
  return match.runtimeFraction === null || random() < match.runtimeFraction;
}

function pathMatches(rule: RouteMatch['path'], path: string, request: RequestHead): boolean {
  switch (rule.kind) {
    case 'regex':
      return rule.regex.full(path);
    case 'connect':
      return request.method === 'CONNECT';
    default: {
      if (request.method === 'CONNECT') return false;
      const text = rule.caseSensitive ? path : path.toLowerCase();
      const value = rule.caseSensitive ? rule.value : rule.value.toLowerCase();
      if (rule.kind === 'exact') return text === value;
      if (!text.startsWith(value)) return false;
      return rule.kind === 'prefix' || text.length === value.length || text.charCodeAt(value.length) === 47;
    }
  }
}

function cookiesMatch(match: RouteMatch, request: RequestHead): boolean {
  const headers = fields(request.headers, 'cookie');
  return match.cookies.every((rule) => {
    const [value] = cookieValues(headers, rule.name);
    return value === undefined ? rule.invert : stringMatches(rule.match, value) !== rule.invert;
  });
}

export function isGrpc(request: RequestHead): boolean {
  const type = field(request.headers, 'content-type');
  return type !== null && isGrpcType(type);
}

function tlsMatches(rule: NonNullable<RouteMatch['tls']>, x: Exchange): boolean {
  const { tls } = x.connection;
  if (rule.presented !== null && rule.presented !== (tls?.peer != null)) return false;
  return rule.validated === null || rule.validated === (tls?.validated === true && tls.peer !== null);
}
