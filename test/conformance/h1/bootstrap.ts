// The bootstrap that Envoy and our sidecar are both started with: a plain reverse proxy at the edge of
// something it protects. Names with an underscore are dropped, paths are normalised, a path, a header and a
// host are policy, so that what policy saw can be compared with what the origin sees.

export interface Hop {
  readonly name: string;
  readonly listenPort: number;
  readonly originPort: number;
}

/** Requests to it are refused by policy. */
export const DENIED_PATH = '/denied';
/** Requests with this field and value, too. */
export const DENIED_FIELD = { name: 'x-role', value: 'admin' } as const;
/** A virtual host of its own, which answers by itself. */
export const OWN_HOST = { name: 'own.example.com', status: 410 } as const;
/** Below it, WebSocket is let through. */
export const UPGRADE_PATH = '/ws';
/** Answers by itself, on a listener of its own: who gets the answer knows that what came before was read. */
export const SYNC = 'sync';

/** What only a proxy that is trusted may say of a client. */
export const UNBELIEVED = ['x-forwarded-host', 'x-forwarded-port', 'x-forwarded-prefix', 'forwarded', 'x-real-ip'];

const TYPE = 'type.googleapis.com/envoy.extensions';
const HCM = `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = { name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } };
const HTTP_OPTIONS = `${TYPE}.upstreams.http.v3.HttpProtocolOptions`;

/** In what the two differ: ours is the harder of each. */
export interface EdgeChoice {
  /** Whether trailers go on; Envoy drops them unless told otherwise. */
  readonly trailers: boolean;
  /**
   * How long a client has to close first. Long: nothing may wait for that. Envoy waits with the end of an
   * answer that broke off, too.
   */
  readonly delayedClose: string;
}

export function bootstrapOf(hops: readonly Hop[], syncPort: number, choice: EdgeChoice): Record<string, unknown> {
  const listeners = hops.map((hop) => listener(hop.name, hop.listenPort, edge(hop, choice)));
  return {
    static_resources: {
      listeners: [...listeners, syncListener(syncPort)],
      clusters: hops.map((hop) => cluster(hop, choice)),
    },
  };
}

function listener(name: string, port: number, manager: Record<string, unknown>): Record<string, unknown> {
  const typed = { '@type': HCM, stat_prefix: name, codec_type: 'HTTP1', ...manager };
  return { name, address: address(port), filter_chains: [{ filters: [{ name: 'hcm', typed_config: typed }] }] };
}

function syncListener(port: number): Record<string, unknown> {
  const hosts = [
    { name: SYNC, domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
  ];
  return listener(SYNC, port, { route_config: { virtual_hosts: hosts }, http_filters: [ROUTER] });
}

function edge({ name }: Hop, { trailers, delayedClose }: EdgeChoice): Record<string, unknown> {
  return {
    use_remote_address: true,
    normalize_path: true,
    merge_slashes: true,
    strip_any_host_port: true,
    strip_trailing_host_dot: true,
    proxy_100_continue: true,
    delayed_close_timeout: delayedClose,
    common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' },
    http_protocol_options: { accept_http_10: true, enable_trailers: trailers },
    route_config: { virtual_hosts: hosts(name), internal_only_headers: UNBELIEVED },
    http_filters: [policy(), ROUTER],
  };
}

function hosts(cluster: string): readonly Record<string, unknown>[] {
  const upgrade = { upgrade_configs: [{ upgrade_type: 'websocket' }] };
  return [
    {
      name: 'own',
      domains: [OWN_HOST.name],
      routes: [{ match: { prefix: '/' }, direct_response: { status: OWN_HOST.status } }],
    },
    {
      name: 'all',
      domains: ['*'],
      routes: [
        { match: { path_separated_prefix: UPGRADE_PATH }, route: { cluster, ...upgrade } },
        { match: { prefix: '/' }, route: { cluster } },
      ],
    },
  ];
}

function policy(): Record<string, unknown> {
  const { name, value } = DENIED_FIELD;
  const denied = [
    { url_path: { path: { prefix: DENIED_PATH } } },
    { header: { name, string_match: { exact: value } } },
  ];
  const policies = { denied: { permissions: [{ or_rules: { rules: denied } }], principals: [{ any: true }] } };
  return {
    name: 'rbac',
    typed_config: { '@type': `${TYPE}.filters.http.rbac.v3.RBAC`, rules: { action: 'DENY', policies } },
  };
}

function cluster({ name, originPort }: Hop, { trailers }: EdgeChoice): Record<string, unknown> {
  const options = { enable_trailers: trailers };
  const http = { '@type': HTTP_OPTIONS, explicit_http_config: { http_protocol_options: options } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(originPort) } }] }],
    },
  };
}

function address(port: number): Record<string, unknown> {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
