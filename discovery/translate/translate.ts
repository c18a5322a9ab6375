// (Catalog, secrets, who asks) -> every resource for one kind of node. Pure, and remembers: a part of the
// catalog that is the same object yields the same resources, so one change encodes one resource again.

import type { Catalog, Gateway, Instance, MtlsMode, Service } from '../catalog/types.ts';
import { localCluster, serviceCluster } from './clusters.ts';
import { detectedInboundListener, detectedUpstreamListener } from './detected.ts';
import { endpointsOf } from './endpoints.ts';
import { grpcCluster, grpcListeners, grpcRoutes } from './grpc.ts';
import { inboundRoutes } from './inbound.ts';
import { gatewayListenerOf, inboundListener, outboundListener, upstreamListenerOf } from './listeners.ts';
import { clusterName, inboundRoutesName, serviceRoutes, upstreamListener } from './names.ts';
import type { NodeDescription } from './node.ts';
import { protocolOf } from './protocol.ts';
import { type EncodedResource, Memo } from './resource.ts';
import { gatewayRoutes, outboundRoutes, singleServiceRoutes } from './routes.ts';
import { type KeyPair, ownCertificateSecret, type TrustBundle, trustBundleSecret } from './secrets.ts';
import { tcpInboundListener, tcpUpstreamListener } from './tcp.ts';

export interface Secrets {
  readonly bundle: TrustBundle;
  /** The node's own certificate and key; only on a stream that may carry them. */
  readonly own: KeyPair | null;
}

export type Translate = (catalog: Catalog, secrets: Secrets, node: NodeDescription) => readonly EncodedResource[];

const NO_INSTANCES: readonly Instance[] = [];

/** A translator with a memory of its own. */
export function translator(): Translate {
  const one = new Memo<EncodedResource>();
  const many = new Memo<readonly EncodedResource[]>();
  return (catalog, secrets, node) => {
    const shared = node.kind === 'grpc' ? grpcResources(catalog, one, many) : proxyResources(catalog, node, one);
    return [...shared, ...secretResources(secrets, node, one)];
  };
}

function secretResources(
  { bundle, own }: Secrets,
  node: NodeDescription,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  if (node.kind === 'grpc') return [];
  const roots = one.of([bundle], 'roots', () => trustBundleSecret(bundle));
  return own === null ? [roots] : [roots, one.of([own], 'own', () => ownCertificateSecret(own))];
}

/** Versions that routes ask for, by service: each becomes a cluster of its own. */
function versionsAsked(catalog: Catalog): ReadonlyMap<string, ReadonlySet<string>> {
  const versions = new Map<string, Set<string>>();
  for (const { service, version } of catalog.routes.flatMap((route) => route.rules).flatMap((rule) => rule.backends)) {
    if (version !== null) versions.set(service, (versions.get(service) ?? new Set()).add(version));
  }
  return versions;
}

interface Subset {
  readonly service: Service;
  readonly version: string | null;
  readonly instances: readonly Instance[];
}

function subsetsOf(catalog: Catalog, services: readonly Service[]): readonly Subset[] {
  const versions = versionsAsked(catalog);
  return services.flatMap((service) => {
    const instances = catalog.instances.get(service.name) ?? NO_INSTANCES;
    return [null, ...[...(versions.get(service.name) ?? [])].sort()].map((version) => ({
      service,
      version,
      instances,
    }));
  });
}

function grpcResources(
  catalog: Catalog,
  one: Memo<EncodedResource>,
  many: Memo<readonly EncodedResource[]>,
): readonly EncodedResource[] {
  const services = [...catalog.services.values()].filter(carriesHttp);
  const clusters = subsetsOf(catalog, services).flatMap(({ service, version, instances }) => [
    one.of([service], `grpc cluster ${version}`, () => grpcCluster(service, version)),
    one.of([service, instances], `grpc endpoints ${version}`, () =>
      endpointsOf(clusterName(service, version), instances, version, true),
    ),
  ]);
  const tables = services.map((service) =>
    one.of([catalog.services, catalog.routes, service], 'grpc routes', () => grpcRoutes(catalog, service)),
  );
  return [
    ...clusters,
    ...services.flatMap((service) => many.of([service], 'grpc listeners', () => grpcListeners(service))),
    ...tables,
  ];
}

function proxyResources(
  catalog: Catalog,
  node: NodeDescription,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  const clusters = subsetsOf(catalog, [...catalog.services.values()]).flatMap(({ service, version, instances }) => [
    clusterFor(catalog, node, one, service, version, instances),
    one.of([service, instances], `endpoints ${version}`, () =>
      endpointsOf(clusterName(service, version), instances, version, false),
    ),
  ]);
  const gateway = gatewayFor(catalog, node);
  return [
    ...clusters,
    ...(gateway === null ? sidecarResources(catalog, node, one) : gatewayResources(catalog, node, gateway, one)),
  ];
}

/** The others have no place in tables of routes. */
function carriesHttp({ protocol }: Service): boolean {
  return protocol !== 'tcp';
}

function clusterFor(
  catalog: Catalog,
  node: NodeDescription,
  one: Memo<EncodedResource>,
  service: Service,
  version: string | null,
  instances: readonly Instance[],
): EncodedResource {
  const secured = node.holdsCertificate && isSecured(catalog, service, instances);
  const protocol = protocolOf(catalog, service);
  return one.of([service, catalog.mesh], `cluster ${version} ${secured} ${protocol}`, () =>
    serviceCluster(service, version, catalog.mesh, secured, protocol),
  );
}

function modeOf(catalog: Catalog, service: Service | null): MtlsMode {
  return service?.mtls ?? catalog.mesh.mtls;
}

/**
 * Whether callers speak mutual TLS to a service: its instances stand behind sidecars. One that does is
 * enough, so that an instance without cannot bring the others' traffic back to plain text.
 */
function isSecured(catalog: Catalog, service: Service, instances: readonly Instance[]): boolean {
  if (modeOf(catalog, service) === 'DISABLE') return false;
  return instances.length === 0 || instances.some((instance) => instance.appPort !== null);
}

function gatewayFor(catalog: Catalog, node: NodeDescription): Gateway | null {
  return catalog.gateways.get(node.service) ?? null;
}

function sidecarResources(
  catalog: Catalog,
  node: NodeDescription,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  if (node.kind === 'gateway') return [];
  const { mesh, services, routes } = catalog;
  const bind = { address: node.outboundAddress, port: node.outboundPort };
  const own = services.get(node.service) ?? null;
  return [
    one.of([mesh], `outbound ${bind.address} ${bind.port}`, () => outboundListener(bind, mesh)),
    one.of([services, routes], 'outbound routes', () =>
      outboundRoutes(catalog, [...services.values()].filter(carriesHttp)),
    ),
    ...upstreamResources(catalog, node, own, one),
    ...inboundResources(catalog, node, own, one),
  ];
}

function upstreamResources(
  catalog: Catalog,
  node: NodeDescription,
  own: Service | null,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  const { mesh, services, routes } = catalog;
  return (own?.upstreams ?? []).flatMap(({ service: name, port }) => {
    const service = services.get(name);
    if (service === undefined) return [];
    const listener = upstreamListener(name, port);
    const bind = { address: node.outboundAddress, port };
    const key = `${listener} ${bind.address}`;
    const protocol = protocolOf(catalog, service);
    if (protocol === 'tcp')
      return [one.of([mesh, service], key, () => tcpUpstreamListener(listener, bind, service, mesh))];
    const table = serviceRoutes(service);
    return [
      one.of([mesh, service], `${key} ${protocol}`, () =>
        protocol === 'detected'
          ? detectedUpstreamListener({ name: listener, bind, service, routes: table }, mesh)
          : upstreamListenerOf(listener, bind, table, mesh),
      ),
      one.of([services, routes, service], 'service routes', () => singleServiceRoutes(catalog, service)),
    ];
  });
}

/** A node that cannot show a certificate is given no plain door into a service that demands one. */
function inboundResources(
  catalog: Catalog,
  node: NodeDescription,
  own: Service | null,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  const appPort = node.appPort ?? own?.port ?? null;
  if (appPort === null || appPort === 0 || (own === null && !node.described) || node.service === '') return [];
  const declared = modeOf(catalog, own);
  if (declared === 'STRICT' && !node.holdsCertificate) return [];
  const mode = node.holdsCertificate ? declared : 'DISABLE';
  const { mesh, policies } = catalog;
  const bind = { address: node.inboundAddress, port: node.inboundPort };
  // A node that describes itself and that nobody declared is one of HTTP.
  const protocol = own === null ? 'http' : protocolOf(catalog, own);
  const local = one.of([LOCAL], `local ${node.appAddress} ${appPort} ${protocol}`, () =>
    localCluster(node.appAddress, appPort, protocol),
  );
  if (protocol === 'tcp') {
    const inbound = { bind, service: node.service, appPort, mode, policies };
    return [
      one.of([mesh, policies], `inbound tcp ${bind.address} ${bind.port} ${node.service} ${appPort} ${mode}`, () =>
        tcpInboundListener(inbound, mesh),
      ),
      local,
    ];
  }
  const routes = inboundRoutesName(node.service, appPort);
  const table = { service: node.service, appPort, policies, safeRetries: !node.stock };
  const inbound = { bind, routes, mode, isGrpc: protocol === 'grpc', service: node.service, appPort, policies };
  const text = `inbound ${bind.address} ${bind.port} ${routes} ${mode}`;
  return [
    protocol === 'detected'
      ? one.of([mesh, policies], `${text} detected`, () => detectedInboundListener(inbound, mesh))
      : one.of([mesh], `${text} ${protocol}`, () => inboundListener(inbound, mesh)),
    one.of([mesh, policies], `${routes} ${node.stock}`, () => inboundRoutes(table, mesh)),
    local,
  ];
}

/** Local clusters depend on nothing in the catalog. */
const LOCAL = {};

function gatewayResources(
  catalog: Catalog,
  node: NodeDescription,
  gateway: Gateway,
  one: Memo<EncodedResource>,
): readonly EncodedResource[] {
  const { mesh, services, routes } = catalog;
  return gateway.listeners.flatMap((declared, i) => {
    const port = i === 0 ? (node.gatewayPort ?? declared.port) : declared.port;
    const bind = { address: node.gatewayAddress ?? gateway.address, port };
    return [
      one.of([mesh, gateway], `gateway ${declared.name} ${bind.address} ${port}`, () =>
        gatewayListenerOf(gateway.name, declared, bind, mesh),
      ),
      one.of([services, routes, gateway], `gateway routes ${declared.name}`, () =>
        gatewayRoutes(catalog, gateway, declared),
      ),
    ];
  });
}
