// Listeners of services whose port declares no protocol: HTTP goes the way of HTTP, everything else that of
// connections. In plain text the first bytes tell them apart (http_inspector). Between sidecars ALPN does: the
// caller's side, which has looked, offers HTTP's names for requests and none for a connection; the cluster names
// none itself, so that one cluster serves both.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { FilterChainSchema } from '../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import type { AuthorizationPolicy, MeshPolicy, MtlsMode, Service } from '../catalog/types.ts';
import { type Bind, inboundManagers, listener, outboundManager } from './listeners.ts';
import { INBOUND } from './names.ts';
import type { EncodedResource } from './resource.ts';
import { SILENT_CLIENT_MS, tcpInboundFilters, tcpUpstreamFilter } from './tcp.ts';
import { downstreamTls } from './tls.ts';
import { MESH_ALPN } from './upstream-http.ts';

type ChainInit = MessageInitShape<typeof FilterChainSchema>;

/** What http_inspector calls HTTP. */
const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

export interface DetectedUpstream {
  readonly name: string;
  readonly bind: Bind;
  readonly service: Service;
  /** Name of the route table for requests. */
  readonly routes: string;
}

/** A loopback port that leads to one service. */
export function detectedUpstreamListener(
  { name, bind, service, routes }: DetectedUpstream,
  mesh: MeshPolicy,
): EncodedResource {
  const chains = plainChains([outboundManager(name, routes, mesh)], [tcpUpstreamFilter(name, service, mesh)]);
  return listener(name, bind, TrafficDirection.OUTBOUND, chains, {
    inspectHttp: true,
    silentClientMs: SILENT_CLIENT_MS,
  });
}

export interface DetectedInbound {
  readonly bind: Bind;
  readonly service: string;
  readonly appPort: number;
  readonly mode: MtlsMode;
  readonly policies: readonly AuthorizationPolicy[];
  /** Name of the route table that leads to the application. */
  readonly routes: string;
}

export function detectedInboundListener(inbound: DetectedInbound, mesh: MeshPolicy): EncodedResource {
  const { service, policies, appPort, mode } = inbound;
  const managers = inboundManagers(inbound.routes, mesh);
  const connections = tcpInboundFilters(service, policies, appPort, mesh);
  const secured = securedChains([managers.secured], connections, mesh);
  const open = plainChains([managers.open], connections);
  const chains = { STRICT: secured, DISABLE: open, PERMISSIVE: [...secured, ...open] }[mode];
  return listener(INBOUND, inbound.bind, TrafficDirection.INBOUND, chains, looksOf(mode));
}

/** Where everything begins with TLS nobody is silent. */
function looksOf(mode: MtlsMode) {
  if (mode === 'STRICT') return { inspectTls: true };
  return { inspectTls: mode === 'PERMISSIVE', inspectHttp: true, silentClientMs: SILENT_CLIENT_MS };
}

type Filters = NonNullable<ChainInit['filters']>;

/** The second takes what is left by the first. */
function plainChains(requests: Filters, connections: Filters): ChainInit[] {
  const plain = { transportProtocol: 'raw_buffer' };
  return [
    { name: 'plain-http', filters: requests, filterChainMatch: { ...plain, applicationProtocols: PLAIN_HTTP } },
    { name: 'plain-tcp', filters: connections, filterChainMatch: plain },
  ];
}

function securedChains(requests: Filters, connections: Filters, mesh: MeshPolicy): ChainInit[] {
  const tls = { transportProtocol: 'tls' };
  return [
    {
      name: 'mtls-http',
      filters: requests,
      filterChainMatch: { ...tls, applicationProtocols: [...MESH_ALPN] },
      transportSocket: downstreamTls(mesh.trustDomain, MESH_ALPN),
    },
    {
      name: 'mtls-tcp',
      filters: connections,
      filterChainMatch: tls,
      transportSocket: downstreamTls(mesh.trustDomain, []),
    },
  ];
}
