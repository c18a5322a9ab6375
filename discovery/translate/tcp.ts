// Services of plain connections: listeners that end in a TCP proxy. Outbound: a loopback port for each that
// a service names among its upstreams. Inbound: mutual TLS, then who may connect, then the application.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { FilterChainSchema } from '../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { TcpProxySchema } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { AuthorizationPolicy, MeshPolicy, MtlsMode, Service } from '../catalog/types.ts';
import { accessLogs } from './access-log.ts';
import { connectionRules } from './connection-rbac.ts';
import { type Bind, listener } from './listeners.ts';
import { clusterName, INBOUND, inboundCluster } from './names.ts';
import { any, type EncodedResource } from './resource.ts';
import { downstreamTls } from './tls.ts';

type ChainInit = MessageInitShape<typeof FilterChainSchema>;

/** Other instances are tried as often as for requests (retry.ts), as long as no connection came about. */
const CONNECT_ATTEMPTS = 3;
/**
 * Where the first bytes of a connection say what it is, a client that waits for the server's greeting sends none:
 * after so long it is taken for one of those. A client of HTTP that is slower goes the way of connections, past
 * routes and retries, and none may be so only because a machine is busy: hence not the 100 ms that Istio once had.
 * Without an end to the wait, which is Istio's default today, a greeting would never come. Who may not wait a second
 * declares `protocol: tcp`.
 */
export const SILENT_CLIENT_MS = 1000;

/** A loopback port that leads to one service. */
export function tcpUpstreamListener(name: string, bind: Bind, service: Service, mesh: MeshPolicy): EncodedResource {
  const filters = [tcpUpstreamFilter(name, service, mesh)];
  return listener(name, bind, TrafficDirection.OUTBOUND, [{ filters }]);
}

export function tcpUpstreamFilter(name: string, service: Service, mesh: MeshPolicy) {
  const { traffic, retry } = service;
  return tcpProxy(name, clusterName(service, null), mesh, {
    maxConnectAttempts: retry === null ? CONNECT_ATTEMPTS : retry.attempts + 1,
    ...(traffic.idleTimeoutMs === null ? {} : { idleTimeout: toDuration(traffic.idleTimeoutMs) }),
  });
}

export interface TcpInbound {
  readonly bind: Bind;
  readonly service: string;
  readonly appPort: number;
  readonly mode: MtlsMode;
  readonly policies: readonly AuthorizationPolicy[];
}

export function tcpInboundListener(
  { bind, service, appPort, mode, policies }: TcpInbound,
  mesh: MeshPolicy,
): EncodedResource {
  const filters = tcpInboundFilters(service, policies, appPort, mesh);
  const secured: ChainInit = { name: 'mtls', filters, transportSocket: downstreamTls(mesh.trustDomain, []) };
  const open: ChainInit = { name: 'plain', filters };
  const both: ChainInit[] = [
    { ...secured, filterChainMatch: { transportProtocol: 'tls' } },
    { ...open, filterChainMatch: { transportProtocol: 'raw_buffer' } },
  ];
  const chains = { STRICT: [secured], DISABLE: [open], PERMISSIVE: both }[mode];
  const looks = mode === 'PERMISSIVE' ? { inspectTls: true, silentClientMs: SILENT_CLIENT_MS } : {};
  return listener(INBOUND, bind, TrafficDirection.INBOUND, chains, looks);
}

/** Who may connect, then the application. */
export function tcpInboundFilters(
  service: string,
  policies: readonly AuthorizationPolicy[],
  appPort: number,
  mesh: MeshPolicy,
) {
  return [...connectionRules(service, policies, mesh), tcpProxy(INBOUND, inboundCluster(appPort), mesh)];
}

function tcpProxy(
  statPrefix: string,
  cluster: string,
  mesh: MeshPolicy,
  more: MessageInitShape<typeof TcpProxySchema> = {},
) {
  const config = any(TcpProxySchema, {
    statPrefix,
    clusterSpecifier: { case: 'cluster', value: cluster },
    accessLog: accessLogs(mesh),
    ...more,
  });
  return { name: 'envoy.filters.network.tcp_proxy', configType: { case: 'typedConfig', value: config } } as const;
}
