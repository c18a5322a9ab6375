// Listeners of sidecars and gateways that carry HTTP, in either version: the first bytes or ALPN say which. Outbound: one port that routes by Host, and a loopback port for each
// upstream that the service names. Inbound: mutual TLS, then who may call, then the application.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { FilterChainSchema } from '../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import { RouterSchema } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts';
import { HttpInspectorSchema } from '../../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts';
import { TlsInspectorSchema } from '../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardCert,
  HttpConnectionManagerSchema,
  type HttpFilterSchema,
} from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { LISTENER } from '../../proto/resources.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { GatewayListener, MeshPolicy, MtlsMode } from '../catalog/types.ts';
import { accessLogs } from './access-log.ts';
import { grpcStats } from './grpc-stats.ts';
import { gatewayListener, INBOUND, OUTBOUND } from './names.ts';
import { rbacFilters } from './rbac.ts';
import { any, type EncodedResource, encodeResource } from './resource.ts';
import { adsSource, downstreamTls } from './tls.ts';
import { HTTP1_OPTIONS, HTTP2_OPTIONS, MESH_ALPN } from './upstream-http.ts';

type HcmInit = MessageInitShape<typeof HttpConnectionManagerSchema>;
type ChainInit = MessageInitShape<typeof FilterChainSchema>;
/** Time for a whole request head at a gateway, where strangers connect. */
const GATEWAY_HEADERS_TIMEOUT_MS = 10_000;

export interface Bind {
  readonly address: string;
  readonly port: number;
}

export function outboundListener(bind: Bind, mesh: MeshPolicy): EncodedResource {
  return listener(OUTBOUND, bind, TrafficDirection.OUTBOUND, [
    { filters: [outboundManager(OUTBOUND, OUTBOUND, mesh)] },
  ]);
}

/** A loopback port that leads to one service. */
export function upstreamListenerOf(name: string, bind: Bind, routes: string, mesh: MeshPolicy): EncodedResource {
  return listener(name, bind, TrafficDirection.OUTBOUND, [{ filters: [outboundManager(name, routes, mesh)] }]);
}

export function outboundManager(name: string, routes: string, mesh: MeshPolicy) {
  return hcmFilter(manager(name, mesh, rds(routes), [grpcStats(false), router()]));
}

export interface Inbound {
  readonly bind: Bind;
  /** Name of the route table that leads to the application and says who may call. */
  readonly routes: string;
  readonly mode: MtlsMode;
  /** The application is asked in gRPC. */
  readonly isGrpc: boolean;
}

export function inboundListener(inbound: Inbound, mesh: MeshPolicy): EncodedResource {
  const managers = inboundManagers(inbound.routes, mesh, inbound.isGrpc);
  const secured: ChainInit = {
    name: 'mtls',
    filters: [managers.secured],
    transportSocket: downstreamTls(mesh.trustDomain, MESH_ALPN),
  };
  const open: ChainInit = { name: 'plain', filters: [managers.open] };
  const both: ChainInit[] = [
    { ...secured, filterChainMatch: { transportProtocol: 'tls' } },
    { ...open, filterChainMatch: { transportProtocol: 'raw_buffer' } },
  ];
  const chains = { STRICT: [secured], DISABLE: [open], PERMISSIVE: both }[inbound.mode];
  return listener(INBOUND, inbound.bind, TrafficDirection.INBOUND, chains, {
    inspectTls: inbound.mode === 'PERMISSIVE',
  });
}

/** For connections with mutual TLS, and for those without. */
export function inboundManagers(routes: string, mesh: MeshPolicy, isGrpc = false) {
  // Behind the rules: strangers have no say in what is counted.
  const counted = isGrpc ? [grpcStats(true)] : [];
  const base = manager(INBOUND, mesh, rds(routes), [...rbacFilters(), ...counted, router()]);
  const secured = {
    ...base,
    forwardClientCertDetails: ForwardCert.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
  };
  // Forwarding headers are believed from peers with a certificate only.
  const open = { ...base, useRemoteAddress: true, forwardClientCertDetails: ForwardCert.SANITIZE };
  return { secured: hcmFilter(secured), open: hcmFilter(open) };
}

export function gatewayListenerOf(
  gateway: string,
  declared: GatewayListener,
  bind: Bind,
  mesh: MeshPolicy,
): EncodedResource {
  const name = gatewayListener(gateway, declared.name);
  const edge: HcmInit = {
    ...manager(name, mesh, rds(name)),
    useRemoteAddress: true,
    forwardClientCertDetails: ForwardCert.SANITIZE,
    requestHeadersTimeout: toDuration(GATEWAY_HEADERS_TIMEOUT_MS),
  };
  return listener(name, bind, TrafficDirection.OUTBOUND, [{ filters: [hcmFilter(edge)] }]);
}

/** What a listener finds out before it chooses a chain. */
interface FirstLooks {
  /** Whether a connection begins with TLS. */
  readonly inspectTls?: boolean;
  /** Whether it begins with HTTP in plain text. */
  readonly inspectHttp?: boolean;
  /** A client that has said nothing for so long is taken as one without TLS; by default it is turned away. */
  readonly silentClientMs?: number;
}

export function listener(
  name: string,
  bind: Bind,
  trafficDirection: TrafficDirection,
  filterChains: ChainInit[],
  { inspectTls = false, inspectHttp = false, silentClientMs }: FirstLooks = {},
): EncodedResource {
  const listenerFilters = [
    ...(inspectTls ? [inspector('tls_inspector', any(TlsInspectorSchema, {}))] : []),
    ...(inspectHttp ? [inspector('http_inspector', any(HttpInspectorSchema, {}))] : []),
  ];
  const message = create(ListenerSchema, {
    name,
    trafficDirection,
    address: {
      address: {
        case: 'socketAddress',
        value: { address: bind.address, portSpecifier: { case: 'portValue', value: bind.port } },
      },
    },
    filterChains,
    listenerFilters,
    ...(silentClientMs === undefined
      ? {}
      : { listenerFiltersTimeout: toDuration(silentClientMs), continueOnListenerFiltersTimeout: true }),
  });
  return encodeResource(LISTENER, name, ListenerSchema, message);
}

function inspector(kind: 'tls_inspector' | 'http_inspector', value: Any) {
  return { name: `envoy.filters.listener.${kind}`, configType: { case: 'typedConfig', value } } as const;
}

function hcmFilter(hcm: HcmInit) {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: any(HttpConnectionManagerSchema, hcm) },
  } as const;
}

/** Paths are normalised before anybody decides by them; slashes are left as they are. */
function manager(
  statPrefix: string,
  mesh: MeshPolicy,
  routeSpecifier: NonNullable<HcmInit['routeSpecifier']>,
  httpFilters: MessageInitShape<typeof HttpFilterSchema>[] = [router()],
) {
  return {
    statPrefix,
    routeSpecifier,
    httpFilters,
    normalizePath: true,
    httpProtocolOptions: HTTP1_OPTIONS,
    http2ProtocolOptions: HTTP2_OPTIONS,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    accessLog: accessLogs(mesh),
  };
}

function rds(routeConfigName: string): NonNullable<HcmInit['routeSpecifier']> {
  return { case: 'rds', value: { routeConfigName, configSource: adsSource() } };
}

export function router(): MessageInitShape<typeof HttpFilterSchema> {
  return { name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value: any(RouterSchema, {}) } };
}
