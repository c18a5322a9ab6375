// The bootstrap files that Envoy and our sidecar are both started with: everything on that a sidecar of a
// mesh has on by default, and no access log.

import type { Leaf } from '../certificates.ts';

export interface Hop {
  readonly name: string;
  readonly listenPort: number;
  readonly targetPort: number;
  /** What the client speaks, `tcp`: nobody asks; absent: HTTP/1.1. */
  readonly listens?: 'http2' | 'tcp';
  /** What the target is spoken to in; absent: HTTP/1.1. */
  readonly speaks?: 'http2';
  /** TLS on the listener: who we are and who may come. */
  readonly accept?: TlsSide;
  /** TLS towards the target: who we are and who must be there. */
  readonly dial?: TlsSide;
  /** Of the route, as Envoy writes it; `0s` for none. Absent: 15 s. */
  readonly timeout?: string;
  /** Absent: 1 s. */
  readonly connectTimeout?: string;
  /** What grows; absent: one of each. The last route leads to the last cluster, as the first ones do not. */
  readonly grown?: Grown;
}

export interface Grown {
  readonly routes: number;
  readonly clusters: number;
  /** Empty: only the target. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
}

/** Of route `i`; a request for the last one passes all others. */
export function routePrefix(i: number): string {
  return `/api/v1/things/${i}/`;
}

export interface TlsSide {
  readonly own: Leaf;
  readonly peerId: string;
  readonly root: string;
}

/** Connections to the target, requests waiting and under way. */
const MOST = 16_384;
const TYPE = 'type.googleapis.com/envoy.extensions';
const HCM = `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${TYPE}.filters.http.router.v3.Router`;
const TLS = `${TYPE}.transport_sockets.tls.v3`;

/** Envoy's field names. Node's and Envoy's JSON readers both take it. */
export function bootstrapOf(hop: Hop): Record<string, unknown> {
  return {
    node: { id: `bench~${hop.name}`, cluster: 'bench' },
    static_resources: { listeners: [listener(hop)], clusters: clusters(hop) },
  };
}

function listener(hop: Hop): Record<string, unknown> {
  return {
    name: hop.name,
    address: address(hop.listenPort),
    filter_chains: [
      {
        filters: [hop.listens === 'tcp' ? tcpProxy(hop) : { name: 'hcm', typed_config: connectionManager(hop) }],
        ...(hop.accept === undefined ? {} : { transport_socket: socket('DownstreamTlsContext', hop.accept) }),
      },
    ],
  };
}

function tcpProxy(hop: Hop): Record<string, unknown> {
  const typed_config = {
    '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: hop.name,
    cluster: 'target',
  };
  return { name: 'tcp', typed_config };
}

function connectionManager(hop: Hop): Record<string, unknown> {
  return {
    '@type': HCM,
    stat_prefix: hop.name,
    codec_type: hop.listens === 'http2' ? 'HTTP2' : 'HTTP1',
    use_remote_address: true,
    generate_request_id: true,
    ...(hop.accept === undefined
      ? {}
      : { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: { uri: true } }),
    route_config: {
      name: 'routes',
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: routes(hop), retry_policy: RETRY_POLICY }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': ROUTER } }],
  };
}

const HTTP2_OPTIONS = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

/** For all routes: armed, and never used here. */
const RETRY_POLICY = {
  retry_on: 'connect-failure,refused-stream,gateway-error',
  num_retries: 2,
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: { '@type': `${TYPE}.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
    },
  ],
  host_selection_retry_max_attempts: 3,
};

/** The last one but '/', which answers who only asks whether we are up. */
function routes(hop: Hop): Record<string, unknown>[] {
  const more = Array.from({ length: (hop.grown?.routes ?? 1) - 1 }, (_, i) => route(hop, routePrefix(i)));
  return [...more, route(hop, '/')];
}

function route({ timeout = '15s' }: Hop, prefix: string): Record<string, unknown> {
  return {
    match: { prefix },
    route: {
      cluster: 'target',
      timeout,
    },
  };
}

function clusters(hop: Hop): Record<string, unknown>[] {
  const more = Array.from({ length: (hop.grown?.clusters ?? 1) - 1 }, (_, i) => plainCluster(hop, `other-${i}`));
  return [...more, cluster(hop, 'target')];
}

/** One of many that nobody asks: ten thousand with everything on would be more than a bootstrap may hold. */
function plainCluster(hop: Hop, name: string): Record<string, unknown> {
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment: assignment(hop, name) };
}

function assignment(hop: Hop, name: string): Record<string, unknown> {
  const grown = hop.grown?.endpoints ?? [];
  const endpoints = grown.length > 0 ? grown : [{ host: '127.0.0.1', port: hop.targetPort }];
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: endpoints.map(({ host, port }) => ({ endpoint: { address: address(port, host) } })) }],
  };
}

function cluster(hop: Hop, name: string): Record<string, unknown> {
  const thresholds = { max_connections: MOST, max_pending_requests: MOST, max_requests: MOST, max_retries: 3 };
  return {
    name,
    type: 'STATIC',
    connect_timeout: hop.connectTimeout ?? '1s',
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: { thresholds: [thresholds] },
    outlier_detection: { consecutive_5xx: 5, interval: '10s', base_ejection_time: '30s', max_ejection_percent: 50 },
    load_assignment: assignment(hop, name),
    ...(hop.speaks === 'http2' ? { typed_extension_protocol_options: HTTP2_OPTIONS } : {}),
    ...(hop.dial === undefined ? {} : { transport_socket: socket('UpstreamTlsContext', hop.dial) }),
  };
}

function socket(context: 'UpstreamTlsContext' | 'DownstreamTlsContext', { own, peerId, root }: TlsSide) {
  const common = {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: own.chain }, private_key: { filename: own.key } }],
    validation_context: {
      trusted_ca: { filename: root },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peerId } }],
    },
  };
  const required = context === 'DownstreamTlsContext' ? { require_client_certificate: true } : {};
  return {
    name: 'tls',
    typed_config: { '@type': `${TLS}.${context}`, common_tls_context: common, ...required },
  };
}

function address(port: number, host = '127.0.0.1') {
  return { socket_address: { address: host, port_value: port } };
}
