// Clusters, endpoints, listeners and secrets in protobuf's JSON: mostly valid ones of the fields that are
// honoured.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Random } from '../random.ts';
import { CERTIFICATE, PRIVATE_KEY } from './pem.ts';
import { headerMatch, rbac, routeConfig, stringMatch, typed } from './routes.ts';
import { DURATIONS, FORMATS, host, list, maybe, NAMES, port } from './words.ts';

export const ADS = { ads: {}, resource_api_version: 'V3' };

function socketAddress(address: string, portValue: number): JsonObject {
  return { socket_address: { address, port_value: portValue } };
}

export function cluster(random: Random, name: string): JsonObject {
  const kind = random.pick(['STATIC', 'STATIC', 'EDS', 'STRICT_DNS', 'LOGICAL_DNS']);
  return {
    name,
    type: kind,
    connect_timeout: random.pick(['1s', '0.25s']),
    ...(kind === 'EDS'
      ? { eds_cluster_config: { eds_config: ADS } }
      : { load_assignment: assignment(random, name, kind === 'LOGICAL_DNS') }),
    ...maybe(random, 0.3, () => ({
      lb_policy: random.pick(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'RANDOM', 'RANDOM', 'RING_HASH']),
    })),
    ...maybe(random, 0.2, () => ({ circuit_breakers: { thresholds: [{ max_connections: random.below(9) }] } })),
    ...maybe(random, 0.2, () => ({ outlier_detection: { consecutive_5xx: 3, interval: random.pick(DURATIONS) } })),
    ...maybe(random, 0.2, () => ({ transport_socket: upstreamTls(random) })),
    ...maybe(random, 0.2, () => protocolOptions(random)),
    ...maybe(random, 0.1, () => ({ load_balancing_policy: typedPolicy(random) })),
    ...maybe(random, 0.1, () => ({ common_lb_config: { healthy_panic_threshold: { value: random.below(120) } } })),
  };
}

function typedPolicy(random: Random): JsonObject {
  const kind = random.pick(['round_robin.v3.RoundRobin', 'least_request.v3.LeastRequest', 'random.v3.Random']);
  const config = { name: 'p', typed_config: typed(`extensions.load_balancing_policies.${kind}`, {}) };
  return { policies: list(random, 0, 2, () => ({ typed_extension_config: config })) };
}

function protocolOptions(random: Random): JsonObject {
  const type = 'extensions.upstreams.http.v3.HttpProtocolOptions';
  const options = {
    common_http_protocol_options: { idle_timeout: random.pick(DURATIONS), max_requests_per_connection: 5 },
    explicit_http_config: random.chance(0.95)
      ? { http_protocol_options: { enable_trailers: random.chance(0.5) } }
      : { http2_protocol_options: {} },
  };
  return { typed_extension_protocol_options: { [`envoy.${type}`]: typed(type, options) } };
}

/** `single`: one endpoint, which may be a name. */
export function assignment(random: Random, name: string, single = false): JsonObject {
  const endpoint = (): JsonObject => ({
    endpoint: { address: socketAddress(single ? 'a.test' : host(random), port(random)) },
    ...maybe(random, 0.2, () => ({ load_balancing_weight: random.between(1, 128) })),
    ...maybe(random, 0.2, () => ({ health_status: random.pick(['HEALTHY', 'UNHEALTHY', 'DRAINING', 'DEGRADED']) })),
    ...maybe(random, 0.1, () => ({ metadata: { filter_metadata: { 'envoy.lb': { version: 'v1' } } } })),
  });
  const locality = (i: number): JsonObject => ({
    lb_endpoints: list(random, single ? 1 : 0, single ? 1 : 4, endpoint),
    ...maybe(random, 0.3, () => ({ locality: { region: 'r', zone: `z${i}` }, load_balancing_weight: 1 })),
    ...maybe(random, 0.2, () => ({ priority: i })),
  });
  return {
    cluster_name: name,
    endpoints: single ? [locality(0)] : list(random, 0, 3, locality),
    ...maybe(random, 0.1, () => ({ policy: { overprovisioning_factor: 140 } })),
  };
}

function upstreamTls(random: Random): JsonObject {
  const context = { sni: 'a.test', common_tls_context: commonTls(random) };
  return tlsSocket(typed('extensions.transport_sockets.tls.v3.UpstreamTlsContext', context));
}

function downstreamTls(random: Random): JsonObject {
  const secrets = { tls_certificate_sds_secret_configs: [{ name: 'web', sds_config: ADS }] };
  const context = {
    common_tls_context: { ...commonTls(random), ...secrets },
    require_client_certificate: random.chance(0.5),
  };
  return tlsSocket(typed('extensions.transport_sockets.tls.v3.DownstreamTlsContext', context));
}

function tlsSocket(config: JsonObject): JsonObject {
  return { name: 'envoy.transport_sockets.tls', typed_config: config };
}

function commonTls(random: Random): JsonObject {
  return {
    ...maybe(random, 0.3, () => ({
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
    })),
    ...maybe(random, 0.5, () => ({ validation_context: validation(random) })),
    ...maybe(random, 0.3, () => ({ alpn_protocols: ['h2', 'http/1.1'] })),
  };
}

function validation(random: Random): JsonObject {
  return {
    trusted_ca: { inline_string: CERTIFICATE },
    ...maybe(random, 0.5, () => ({
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: stringMatch(random) }],
    })),
  };
}

export function secret(random: Random, name: string): JsonObject {
  const pair = { certificate_chain: { inline_string: CERTIFICATE }, private_key: { inline_string: PRIVATE_KEY } };
  return random.pick<JsonObject>([
    { name, tls_certificate: pair },
    { name, validation_context: validation(random) },
    { name, validation_context: { trusted_ca: { inline_string: 'no certificate' } } },
    { name, tls_certificate: { ...pair, private_key: { filename: '/nonexistent/key.pem' } } },
    { name, generic_secret: { secret: { inline_string: 'x' } } },
  ]);
}

/** `number` keeps the addresses of several listeners apart. */
export function listener(random: Random, name: string, number: number): JsonObject {
  return {
    name,
    address: socketAddress('127.0.0.1', random.chance(0.5) ? 0 : 10_000 + number),
    filter_chains: list(random, 1, 2, (i) => filterChain(random, i)),
    ...maybe(random, 0.2, () => ({ traffic_direction: random.pick(['INBOUND', 'OUTBOUND']) })),
    ...maybe(random, 0.2, () => ({ bind_to_port: false })),
    ...maybe(random, 0.2, () => ({ per_connection_buffer_limit_bytes: 32768 })),
    ...maybe(random, 0.2, () => ({ listener_filters: [listenerFilter(random)] })),
  };
}

function listenerFilter(random: Random): JsonObject {
  const kind = random.pick(['tls_inspector.v3.TlsInspector', 'original_dst.v3.OriginalDst']);
  return { name: 'f', typed_config: typed(`extensions.filters.listener.${kind}`, {}) };
}

function filterChain(random: Random, i: number): JsonObject {
  const config = connectionManager(random);
  return {
    filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: config }],
    ...(i > 0 && { filter_chain_match: { server_names: [`s${i}.test`], destination_port: 1000 * i } }),
    ...maybe(random, 0.2, () => ({ transport_socket: downstreamTls(random) })),
  };
}

const ROUTER = {
  name: 'envoy.filters.http.router',
  typed_config: typed('extensions.filters.http.router.v3.Router', {}),
};

function connectionManager(random: Random): JsonObject {
  const rbacFilter = { name: 'rbac', typed_config: typed('extensions.filters.http.rbac.v3.RBAC', rbac(random)) };
  return typed('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: random.pick(NAMES),
    http_filters: [...(random.chance(0.3) ? [rbacFilter] : []), ROUTER],
    ...(random.chance(0.5)
      ? { route_config: routeConfig(random, 'inline') }
      : { rds: { route_config_name: random.pick(NAMES), config_source: ADS } }),
    ...maybe(random, 0.3, () => ({ access_log: [accessLog(random)] })),
    ...maybe(random, 0.2, () => ({ stream_idle_timeout: random.pick(DURATIONS) })),
    ...maybe(random, 0.2, () => ({ use_remote_address: true, xff_num_trusted_hops: random.below(3) })),
    ...maybe(random, 0.2, () => ({ http_protocol_options: { accept_http_10: true, enable_trailers: true } })),
    ...maybe(random, 0.2, () => ({ normalize_path: true, merge_slashes: true })),
    ...maybe(random, 0.1, () => ({ local_reply_config: { body_format: { text_format: random.pick(FORMATS) } } })),
  });
}

function accessLog(random: Random): JsonObject {
  const format = random.chance(0.5)
    ? { text_format_source: { inline_string: random.pick(FORMATS) } }
    : { json_format: { code: '%RESPONSE_CODE%', nested: { a: [random.pick(FORMATS)] } } };
  const config = typed('extensions.access_loggers.file.v3.FileAccessLog', { path: '/dev/stdout', log_format: format });
  const filter = random.pick<JsonObject>([
    { not_health_check_filter: {} },
    { header_filter: { header: headerMatch(random) } },
    { status_code_filter: { comparison: { op: 'GE', value: { default_value: 400, runtime_key: 'k' } } } },
  ]);
  return { name: 'log', typed_config: config, ...maybe(random, 0.3, () => ({ filter })) };
}
