// Names that a snapshot mentions: what to subscribe to, and what lacks a part and is therefore not ready.

import type { Cluster } from './cluster.ts';
import type { FilterChain, Listener } from './listener.ts';
import type { Snapshot } from './snapshot.ts';
import type { CommonTls } from './tls.ts';

export interface References {
  readonly routes: ReadonlySet<string>;
  readonly endpoints: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** Every name that a listener or cluster of the snapshot depends on, there or not. */
export function references(snapshot: Snapshot): References {
  const routes = new Set<string>();
  const endpoints = new Set<string>();
  const secrets = new Set<string>();
  for (const listener of snapshot.listeners.values()) {
    for (const name of routesOf(listener)) routes.add(name);
    for (const name of secretsOfListener(listener)) secrets.add(name);
  }
  for (const cluster of snapshot.clusters.values()) {
    if (cluster.discovery.kind === 'eds') endpoints.add(cluster.discovery.serviceName);
    for (const name of secretsOf(cluster.tls)) secrets.add(name);
  }
  return { routes, endpoints, secrets };
}

/** What is mentioned and not there. */
export function missing(snapshot: Snapshot): References {
  const all = references(snapshot);
  const lacking = (names: ReadonlySet<string>, have: ReadonlyMap<string, unknown>) =>
    new Set([...names].filter((name) => !have.has(name)));
  return {
    routes: lacking(all.routes, snapshot.routes),
    endpoints: lacking(all.endpoints, snapshot.endpoints),
    secrets: lacking(all.secrets, snapshot.secrets),
  };
}

/** Whether nothing that the listener depends on is missing. */
export function isListenerReady(listener: Listener, snapshot: Snapshot): boolean {
  return (
    routesOf(listener).every((name) => snapshot.routes.has(name)) &&
    secretsOfListener(listener).every((name) => snapshot.secrets.has(name))
  );
}

/** Whether nothing that the cluster depends on is missing. */
export function isClusterReady(cluster: Cluster, snapshot: Snapshot): boolean {
  const { discovery } = cluster;
  const found = discovery.kind !== 'eds' || snapshot.endpoints.has(discovery.serviceName);
  return found && secretsOf(cluster.tls).every((name) => snapshot.secrets.has(name));
}

/** RDS names of a listener. */
export function routesOf(listener: Listener): string[] {
  return chainsOf(listener).flatMap((chain) =>
    chain.kind === 'http' && chain.http.routes.kind === 'rds' ? [chain.http.routes.name] : [],
  );
}

/** SDS names of a listener. */
export function secretsOfListener(listener: Listener): string[] {
  return chainsOf(listener).flatMap((chain) => secretsOf(chain.tls));
}

/** SDS names of a TLS context. */
export function secretsOf(tls: CommonTls | null): string[] {
  if (tls === null) return [];
  const certificates = tls.certificates.flatMap((source) => (source.kind === 'sds' ? [source.name] : []));
  return tls.validation?.kind === 'sds' ? [...certificates, tls.validation.name] : certificates;
}

function chainsOf(listener: Listener): readonly FilterChain[] {
  return listener.defaultChain === null ? listener.chains : [...listener.chains, listener.defaultChain];
}
