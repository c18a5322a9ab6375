// A RouteConfiguration made ready to be asked: domains in maps by Envoy's order of precedence, header
// changes and filters compiled per route. Built once when the configuration is applied.

import { compile, type FilterChain } from '../filters/filter.ts';
import type { BuildFilter } from '../filters/table.ts';
import { WEBSOCKET } from '../http/websocket.ts';
import type { HttpFilter, TypedFilterConfig } from '../model/filter.ts';
import type { RequestMirror, Route, RouteConfiguration, VirtualHost, WeightedCluster } from '../model/route.ts';
import { compileMutations, type Mutations } from './mutate.ts';
import { type CompiledRetry, compileRetry } from './retry.ts';
import { RouteIndex } from './route-index.ts';

export interface CompiledRoute {
  readonly route: Route;
  readonly host: CompiledHost;
  readonly mutations: Mutations;
  /** By place in weighted_clusters; empty for other targets. */
  readonly weightedMutations: readonly Mutations[];
  readonly filters: FilterChain;
  /** The route's own, or the virtual host's. */
  readonly retry: CompiledRetry | null;
  readonly mirrors: readonly RequestMirror[];
}

export interface CompiledHost {
  readonly host: VirtualHost;
  readonly routes: readonly CompiledRoute[];
  /** null: so few routes that looking at each is quicker. */
  readonly index: RouteIndex | null;
}

/** With more routes than that a host has an index. */
const FEW_ROUTES = 12;

interface Wildcard {
  readonly text: string;
  readonly host: CompiledHost;
}

export interface RouteTable {
  readonly config: RouteConfiguration;
  readonly exact: ReadonlyMap<string, CompiledHost>;
  /** `*.example.test` as `.example.test`, longest first. */
  readonly suffixes: readonly Wildcard[];
  /** `www.*` as `www.`, longest first. */
  readonly prefixes: readonly Wildcard[];
  readonly any: CompiledHost | null;
  /** Filters of requests that match no route. */
  readonly filters: FilterChain;
  /** Some route lets a WebSocket through. */
  readonly takesWebSocket: boolean;
}

export function compileRouteTable(
  config: RouteConfiguration,
  filters: readonly HttpFilter[],
  build: BuildFilter,
): RouteTable {
  const hosts = config.virtualHosts.map((host) => compileHost(host, config, filters, build));
  const exact = new Map<string, CompiledHost>();
  const suffixes: Wildcard[] = [];
  const prefixes: Wildcard[] = [];
  let any: CompiledHost | null = null;
  for (const host of hosts) {
    for (const domain of host.host.domains) {
      if (domain === '*') any = host;
      else if (domain.startsWith('*')) suffixes.push({ text: domain.slice(1), host });
      else if (domain.endsWith('*')) prefixes.push({ text: domain.slice(0, -1), host });
      else exact.set(domain, host);
    }
  }
  const longestFirst = (a: Wildcard, b: Wildcard) => b.text.length - a.text.length;
  return {
    config,
    exact,
    suffixes: suffixes.sort(longestFirst),
    prefixes: prefixes.sort(longestFirst),
    any,
    filters: chainFor(filters, [config.typedPerFilterConfig], build),
    takesWebSocket: config.virtualHosts.some(({ routes }) => routes.some(takesWebSocket)),
  };
}

function takesWebSocket({ action }: Route): boolean {
  return action.kind === 'forward' && action.upgrades.some(({ type, enabled }) => enabled && type === WEBSOCKET);
}

function compileHost(
  host: VirtualHost,
  config: RouteConfiguration,
  filters: readonly HttpFilter[],
  build: BuildFilter,
): CompiledHost {
  const routes: CompiledRoute[] = [];
  const index = host.routes.length > FEW_ROUTES ? new RouteIndex(host.routes.map(({ match }) => match)) : null;
  const compiled: CompiledHost = { host, routes, index };
  for (const route of host.routes) routes.push(compileRoute(route, compiled, config, filters, build));
  return compiled;
}

function compileRoute(
  route: Route,
  host: CompiledHost,
  config: RouteConfiguration,
  filters: readonly HttpFilter[],
  build: BuildFilter,
): CompiledRoute {
  const { action } = route;
  const levels = [route.headers, host.host.headers, config.headers];
  const weighted = action.kind === 'forward' && action.target.kind === 'weighted' ? action.target.clusters : [];
  const specific = config.mostSpecificHeaderMutationsWins;
  const perRoute = [config.typedPerFilterConfig, host.host.typedPerFilterConfig, route.typedPerFilterConfig];
  const forward = action.kind === 'forward' ? action : null;
  return {
    route,
    host,
    mutations: compileMutations(levels, specific),
    weightedMutations: weighted.map((entry: WeightedCluster) => compileMutations(levels, specific, [entry.headers])),
    filters: chainFor(filters, perRoute, build),
    retry: compileRetry(forward?.retryPolicy ?? host.host.retryPolicy),
    mirrors: nearest(forward?.requestMirrors, host.host.requestMirrors, config.requestMirrors),
  };
}

/** Mirrors of the most specific level that has any. */
function nearest(...levels: readonly (readonly RequestMirror[] | undefined)[]): readonly RequestMirror[] {
  return levels.find((level) => level !== undefined && level.length > 0) ?? [];
}

/** The filters as they are on a route: the last level that names a filter says how it is configured. */
function chainFor(
  filters: readonly HttpFilter[],
  levels: readonly ReadonlyMap<string, TypedFilterConfig>[],
  build: BuildFilter,
): FilterChain {
  const built = filters.flatMap((filter) => {
    const override = levels.map((level) => level.get(filter.name)).findLast((found) => found !== undefined);
    if (override?.kind === 'disabled' || (override === undefined && filter.disabled)) return [];
    const asIs = override === undefined || override.kind === 'enabled';
    const made = build(asIs ? filter : { ...filter, config: override }, filter);
    return made === null ? [] : [made];
  });
  return compile(built);
}
