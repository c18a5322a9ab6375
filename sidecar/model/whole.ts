// Whether a snapshot has everything that it mentions. While an update is on its way in several messages it may
// not, and routes lead nowhere.

import { missing } from './references.ts';
import type { RequestMirror, Route, RouteConfiguration } from './route.ts';
import type { Snapshot } from './snapshot.ts';

export function isWhole(snapshot: Snapshot): boolean {
  const { routes, endpoints, secrets } = missing(snapshot);
  if (routes.size > 0 || endpoints.size > 0 || secrets.size > 0) return false;
  for (const config of routeConfigurations(snapshot)) {
    for (const name of clustersOf(config)) if (!snapshot.clusters.has(name)) return false;
  }
  return tcpClusters(snapshot).every((name) => snapshot.clusters.has(name));
}

function tcpClusters({ listeners }: Snapshot): string[] {
  return [...listeners.values()]
    .flatMap(({ chains, defaultChain }) => (defaultChain === null ? chains : [...chains, defaultChain]))
    .flatMap((chain) => (chain.kind === 'tcp' ? chain.tcp.clusters.map(({ name }) => name) : []));
}

function* routeConfigurations({ listeners, routes }: Snapshot): Generator<RouteConfiguration> {
  yield* routes.values();
  for (const { chains, defaultChain } of listeners.values()) {
    for (const chain of defaultChain === null ? chains : [...chains, defaultChain]) {
      if (chain.kind === 'http' && chain.http.routes.kind === 'inline') yield chain.http.routes.config;
    }
  }
}

/** Those that stand there by name: what a header will say is not known. */
function* clustersOf({ requestMirrors, virtualHosts }: RouteConfiguration): Generator<string> {
  yield* mirrored(requestMirrors);
  for (const host of virtualHosts) {
    yield* mirrored(host.requestMirrors);
    for (const route of host.routes) yield* clustersOfRoute(route);
  }
}

function* clustersOfRoute({ action }: Route): Generator<string> {
  if (action.kind !== 'forward') return;
  const { target, requestMirrors } = action;
  yield* mirrored(requestMirrors);
  if (target.kind === 'weighted') yield* named(target.clusters.map((cluster) => cluster.target));
  else yield* named([target]);
}

function mirrored(mirrors: readonly RequestMirror[]): Iterable<string> {
  return named(mirrors.map(({ target }) => target));
}

function named(targets: readonly { readonly kind: 'cluster' | 'header'; readonly name: string }[]): string[] {
  return targets.flatMap(({ kind, name }) => (kind === 'cluster' ? [name] : []));
}
