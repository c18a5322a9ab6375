// What several workers show of the same clusters and certificates, as one.

import type { CertificateView } from './certs.ts';
import type { ClusterView, HostView } from './clusters.ts';

/** Hosts are told apart by address; their figures add up, and a host that any worker left out is shown so. */
export function addClusterViews(workers: readonly (readonly ClusterView[])[]): ClusterView[] {
  const byName = Map.groupBy(workers.flat(), ({ name }) => name);
  return [...byName.values()].map((views) => views.reduce(addClusters));
}

function addClusters(a: ClusterView, b: ClusterView): ClusterView {
  const byAddress = Map.groupBy([...a.hosts, ...b.hosts], ({ address: { host, port } }) => `${host} ${port}`);
  return { ...a, hosts: [...byAddress.values()].map((views) => views.reduce(addHosts)) };
}

function addHosts(a: HostView, b: HostView): HostView {
  const sums = Object.entries(a.stats).map(([name, count]) => [
    name,
    count + (b.stats[name as keyof HostView['stats']] ?? 0),
  ]);
  return { ...a, stats: Object.fromEntries(sums) as HostView['stats'], ejected: a.ejected || b.ejected };
}

/** The same material is shown once. */
export function addCertificateViews(workers: readonly (readonly CertificateView[])[]): CertificateView[] {
  return [...new Map(workers.flat().map((view) => [JSON.stringify(view), view])).values()];
}
