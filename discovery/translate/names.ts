// The names under which things travel: clusters as Istio spells them, host names a caller may use,
// identities. One place, because listeners, routes, clusters and endpoints must agree on them.

import { workloadId } from '../../core/identity.ts';
import type { MeshPolicy, Service } from '../catalog/types.ts';

/** Istio's spelling, which dashboards and people know: `outbound|9000|v2|catalog.default.svc.cluster.local`. */
export function clusterName(service: Service, version: string | null): string {
  return `outbound|${service.port}|${version ?? ''}|${fullHost(service)}`;
}

export function fullHost(service: Service): string {
  return `${service.name}.${service.namespace}.svc.cluster.local`;
}

/** Every host name, without port, that means this service. */
export function hostNames(service: Service): readonly string[] {
  const { name, namespace } = service;
  const own = [name, `${name}.mesh`, `${name}.${namespace}`, `${name}.${namespace}.svc`, fullHost(service)];
  return [...new Set([...own, ...service.hosts])];
}

export function identityOf(mesh: MeshPolicy, namespace: string, service: string): string {
  return workloadId(mesh.trustDomain, namespace, service).uri;
}

/** The local application behind an inbound listener. */
export function inboundCluster(appPort: number): string {
  return `inbound|${appPort}||`;
}

export function inboundRoutesName(service: string, appPort: number): string {
  return `inbound|${appPort}||${service}`;
}

export const OUTBOUND = 'outbound';
export const INBOUND = 'inbound';

export function upstreamListener(service: string, port: number): string {
  return `upstream|${port}|${service}`;
}

/** The route table of one service alone, for listeners that lead to nothing else. */
export function serviceRoutes(service: Service): string {
  return `service|${service.port}||${fullHost(service)}`;
}

export function gatewayListener(gateway: string, listener: string): string {
  return `gateway|${gateway}|${listener}`;
}
