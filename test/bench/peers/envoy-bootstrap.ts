// The bootstrap files that Envoy and our sidecar are both started with: everything on that a sidecar of a
// mesh has on by default, and no access log.

import type { Leaf } from '../certificates.ts';

export interface Hop {
  readonly name: string;
  readonly listenPort: number;
  readonly targetPort: number;
  /** TLS on the listener: who we are and who may come. */
  readonly accept?: TlsSide;
  /** TLS towards the target: who we are and who must be there. */
  readonly dial?: TlsSide;
  /** Of the route, as Envoy writes it; `0s` for none. Absent: 15 s. */
  readonly timeout?: string;
}

export interface TlsSide {
  readonly own: Leaf;
  readonly peerId: string;
  readonly root: string;
}

const TYPE = 'type.googleapis.com/envoy.extensions';
const HCM = `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${TYPE}.filters.http.router.v3.Router`;
const TLS = `${TYPE}.transport_sockets.tls.v3`;

/** Envoy's field names. Node's and Envoy's JSON readers both take it. */
export function bootstrapOf(hop: Hop): Record<string, unknown> {
  return {
    node: { id: `bench~${hop.name}`, cluster: 'bench' },
    static_resources: { listeners: [listener(hop)], clusters: [cluster(hop)] },
  };
}

function listener(hop: Hop): Record<string, unknown> {
  return {
    name: hop.name,
    address: address(hop.listenPort),
    filter_chains: [
      {
        filters: [{ name: 'hcm', typed_config: connectionManager(hop) }],
        ...(hop.accept === undefined ? {} : { transport_socket: socket('DownstreamTlsContext', hop.accept) }),
      },
    ],
  };
}

function connectionManager(hop: Hop): Record<string, unknown> {
  return {
    '@type': HCM,
    stat_prefix: hop.name,
    codec_type: 'HTTP1',
    use_remote_address: true,
    generate_request_id: true,
    ...(hop.accept === undefined
      ? {}
      : { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: { uri: true } }),
    route_config: { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route(hop)] }] },
    http_filters: [{ name: 'router', typed_config: { '@type': ROUTER } }],
  };
}

function route({ timeout = '15s' }: Hop): Record<string, unknown> {
  return {
    match: { prefix: '/' },
    route: {
      cluster: 'target',
      timeout,
      retry_policy: {
        retry_on: 'connect-failure,refused-stream,gateway-error',
        num_retries: 2,
        retry_host_predicate: [
          {
            name: 'envoy.retry_host_predicates.previous_hosts',
            typed_config: { '@type': `${TYPE}.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
          },
        ],
        host_selection_retry_max_attempts: 3,
      },
    },
  };
}

function cluster(hop: Hop): Record<string, unknown> {
  const thresholds = { max_connections: 4096, max_pending_requests: 4096, max_requests: 4096, max_retries: 3 };
  return {
    name: 'target',
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: { thresholds: [thresholds] },
    outlier_detection: { consecutive_5xx: 5, interval: '10s', base_ejection_time: '30s', max_ejection_percent: 50 },
    load_assignment: {
      cluster_name: 'target',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(hop.targetPort) } }] }],
    },
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

function address(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
