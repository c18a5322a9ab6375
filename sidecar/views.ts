// What the admin pages show of the living proxy, read at the moment somebody asks.

import type { Clock } from '../core/clock.ts';
import type { ClusterView, HostView } from './admin/clusters.ts';
import type { CertificateView } from './admin/certs.ts';
import type { ListenerView, ServerInfo, Unready } from './admin/server-info.ts';
import type { Config } from './config.ts';
import type { TlsCertificate, ValidationContext } from './model/secret.ts';
import { parsePem, readCertificate } from '../core/certificate.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { CertificateFacts } from './telemetry/facts.ts';
import type { Cluster } from './upstream/cluster.ts';
import type { Host } from './upstream/host.ts';

export const VERSION = '0.1.0';

export function clusterViews(runtime: Runtime, staticNames: ReadonlySet<string>): ClusterView[] {
  return [...runtime.clusters.all].map((cluster) => clusterView(cluster, !staticNames.has(cluster.name)));
}

export function clusterView(cluster: Cluster, addedViaApi: boolean): ClusterView {
  const { description } = cluster;
  return {
    name: cluster.name,
    observabilityName: description.altStatName ?? cluster.name,
    addedViaApi,
    edsServiceName: description.discovery.kind === 'eds' ? description.discovery.serviceName : null,
    outlierDetection: description.outlier !== null,
    limits: description.limits,
    hosts: [...cluster.hosts.values()].map(hostView),
  };
}

function hostView(host: Host): HostView {
  const { endpoint, locality } = host;
  return {
    address: host.address,
    hostname: endpoint.hostname,
    stats: host.stats,
    edsHealth: endpoint.health,
    ejected: host.ejected,
    weight: endpoint.weight,
    region: locality.region,
    zone: locality.zone,
    subZone: locality.subZone,
    priority: host.priority,
  };
}

export function listenerViews(runtime: Runtime): ListenerView[] {
  return [...runtime.listeners.values()].map((listener) => ({
    name: listener.description.name,
    addresses: listener.addresses,
  }));
}

export function unreadyOf(runtime: Runtime): Unready {
  const { missing } = runtime;
  return missing.length === 0 ? {} : { server: missing };
}

/** Every TLS context with certificates, of listeners and clusters; the same material is shown once. */
export function certificateViews(runtime: Runtime): CertificateView[] {
  const seen = new Map<string, CertificateView>();
  const add = (certificates: readonly TlsCertificate[], validation: ValidationContext | null) => {
    const chain = certificates.map(({ chain }) => chain).join('\n');
    const key = `${chain}|${validation?.trustedCa ?? ''}`;
    if (!seen.has(key)) seen.set(key, { chain: factsOf(chain), caCertificates: factsOf(validation?.trustedCa ?? '') });
  };
  for (const material of runtime.tlsMaterials) add(material.certificates, material.validation);
  return [...seen.values()];
}

/** Plain data: what is shown may come from another thread. */
function factsOf(pem: string): CertificateFacts[] {
  return parsePem(pem).map((certificate) => {
    const { spkiHash: _, ...facts } = readCertificate(certificate);
    return facts;
  });
}

export function serverInfo(config: Config, clock: Clock): ServerInfo {
  return {
    version: `fairlead/${VERSION}`,
    startedWallMs: clock.wall(),
    commandLineOptions: {
      concurrency: config.concurrency,
      config_path: config.configPath ?? '',
      log_level: config.logLevel,
      drain_time: `${config.drainTimeMs / 1000}s`,
      service_cluster: config.node.cluster,
      service_node: config.node.id,
      service_zone: config.node.zone,
      mode: config.mode === 'validate' ? 'Validate' : 'Serve',
      admin_address_path: config.adminAddressPath ?? '',
    },
    node: {
      id: config.node.id,
      cluster: config.node.cluster,
      locality: { region: config.node.region, zone: config.node.zone },
    },
  };
}
