// `fairlead bootstrap --service web --app-port 8080`: the Envoy v3 bootstrap file by which a sidecar, ours or
// a stock Envoy, finds discovery and says who it is.

import { stringify } from 'yaml';
import { CommandError, EXIT, type Invocation, portFlag, textFlag, type Values } from '../command.ts';

const XDS_CLUSTER = 'xds_cluster';
const PLAINTEXT_XDS = '127.0.0.1:15010';
const SECURE_XDS = '127.0.0.1:15012';
/** A name that discovery's certificate always carries, whatever its address. */
const DISCOVERY_NAME = 'discovery';

export async function run({ values, out }: Invocation): Promise<number> {
  const bootstrap = bootstrapOf(values);
  out(
    values['output'] === 'json' ? `${JSON.stringify(bootstrap, null, 2)}\n` : stringify(bootstrap, { lineWidth: 120 }),
  );
  return EXIT.ok;
}

/** Envoy's field names; a plain value for YAML or JSON. */
export function bootstrapOf(values: Values): Record<string, unknown> {
  const gateway = textFlag(values, 'gateway');
  const service = gateway ?? textFlag(values, 'service');
  if (service === null) throw new CommandError('--service or --gateway is required', EXIT.usage);
  const namespace = textFlag(values, 'namespace') ?? 'default';
  const address = textFlag(values, 'address') ?? '127.0.0.1';
  const id = textFlag(values, 'id') ?? `sidecar~${address}~${service}.${namespace}~${namespace}.svc.cluster.local`;
  const xdsRoot = textFlag(values, 'xds-root');
  const xdsAddress = textFlag(values, 'xds-address') ?? (xdsRoot === null ? PLAINTEXT_XDS : SECURE_XDS);
  const adminPort = portFlag(values, 'admin-port', 15000) as number;
  return {
    node: {
      id,
      cluster: service,
      metadata: { fairlead: metadata(values, service, namespace, gateway !== null, address) },
      ...locality(values),
    },
    admin: { address: socket('127.0.0.1', adminPort) },
    static_resources: { clusters: [xdsCluster(xdsAddress, xdsRoot)] },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
      cds_config: { resource_api_version: 'V3', ads: {} },
      lds_config: { resource_api_version: 'V3', ads: {} },
    },
  };
}

function metadata(
  values: Values,
  service: string,
  namespace: string,
  gateway: boolean,
  address: string,
): Record<string, unknown> {
  const appPort = portFlag(values, 'app-port', null);
  const gatewayPort = portFlag(values, 'gateway-port', null);
  return {
    service,
    namespace,
    ...(gateway
      ? { kind: 'gateway' }
      : {
          kind: 'sidecar',
          address,
          inbound_port: portFlag(values, 'inbound-port', 15006),
          outbound_port: portFlag(values, 'outbound-port', 15001),
        }),
    ...(textFlag(values, 'outbound-address') === null
      ? {}
      : { outbound_address: textFlag(values, 'outbound-address') }),
    ...(appPort === null ? {} : { app_port: appPort }),
    ...(values['app-address'] === undefined ? {} : { app_address: textFlag(values, 'app-address') }),
    ...(gatewayPort === null ? {} : { gateway_port: gatewayPort }),
    ...(values['no-identity'] === true ? {} : { features: ['identity'] }),
  };
}

function locality(values: Values): Record<string, unknown> {
  const zone = textFlag(values, 'zone');
  return zone === null ? {} : { locality: { zone } };
}

function socket(address: string, port: number) {
  return { socket_address: { address, port_value: port } };
}

function xdsCluster(target: string, root: string | null): Record<string, unknown> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target);
  if (match === null)
    throw new CommandError(
      `--xds-address: ${JSON.stringify(target)} is not HOST:PORT, like 127.0.0.1:15010`,
      EXIT.usage,
    );
  const host = match[1] ?? (match[2] as string);
  const isAddress = match[1] !== undefined || /^[\d.]+$/.test(host);
  return {
    name: XDS_CLUSTER,
    type: isAddress ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '10s' } } },
      },
    },
    load_assignment: {
      cluster_name: XDS_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(host, Number(match[3])) } }] }],
    },
    ...(root === null ? {} : { transport_socket: tlsTowardsDiscovery(root) }),
  };
}

/** TLS 1.3 has to be allowed too: towards an upstream Envoy stops at 1.2 by default. */
function tlsTowardsDiscovery(root: string): Record<string, unknown> {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      sni: DISCOVERY_NAME,
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        validation_context: {
          trusted_ca: { filename: root },
          match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: DISCOVERY_NAME } }],
        },
      },
    },
  };
}
