// Filter chains: which connections they are for, their TLS, and the terminal filter at their end.

import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { CidrRangeSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { FilterChainSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import {
  FilterChainMatchSchema,
  FilterSchema,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '../../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { RBACSchema } from '../../../proto/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts';
import { TcpProxySchema } from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import type { FilterChain, FilterChainMatch, HttpFilterChain, TcpFilterChain } from '../../model/listener.ts';
import type { NetworkRbac } from '../../model/rbac.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { decodeConnectionManager } from './http-connection-manager.ts';
import { decodeCidr } from './matcher.ts';
import { decodeNetworkRbac } from './network-rbac.ts';
import { decodeTcpProxy } from './tcp-proxy.ts';
import { decodeDownstreamSocket } from './transport-socket.ts';
import { unsupportedKind } from './unsupported-filters.ts';

export function decodeChainMatch(f: Fields<typeof FilterChainSchema>): FilterChainMatch {
  const match = f.child('filterChainMatch', FilterChainMatchSchema);
  return match === null ? EVERY_CONNECTION : decodeMatch(match);
}

type Ending = { readonly rbac: readonly NetworkRbac[]; readonly terminal: Terminal | null };
type Terminal = Pick<HttpFilterChain, 'kind' | 'http'> | Pick<TcpFilterChain, 'kind' | 'tcp'>;

const TERMINALS: ReadonlySet<string> = new Set([HttpConnectionManagerSchema.typeName, TcpProxySchema.typeName]);

/** Null after a report: nothing can be served without a terminal filter. */
export function decodeFilterChain(
  f: Fields<typeof FilterChainSchema>,
  match: FilterChainMatch = decodeChainMatch(f),
): FilterChain | null {
  const filters = f.children('filters', FilterSchema);
  f.ignore('metadata');
  const chain = {
    name: f.take('name'),
    digest: createHash('sha256').update(toBinary(FilterChainSchema, f.message)).digest('base64'),
    match,
    tls: decodeDownstreamSocket(f.child('transportSocket', TransportSocketSchema)),
    transportSocketConnectTimeoutMs: f.ms('transportSocketConnectTimeout', 0),
  };
  f.end();
  const { rbac, terminal } = decodeFilters(f, filters);
  return terminal === null ? null : { ...chain, rbac, ...terminal };
}

function decodeFilters(
  chain: Fields<typeof FilterChainSchema>,
  filters: readonly Fields<typeof FilterSchema>[],
): Ending {
  if (filters.length === 0) chain.invalid('', 'needs an HTTP connection manager or a TCP proxy as its last filter');
  const rbac: NetworkRbac[] = [];
  let terminal: Terminal | null = null;
  for (const [index, f] of filters.entries()) {
    const config = f.take('configType');
    f.ignore('name');
    f.end();
    if (config.case === 'configDiscovery') f.add('security', 'configDiscovery', 'is not supported by fairlead');
    else if (config.case === undefined) f.invalid('', 'typed_config is required');
    else if (index < filters.length - 1) rbac.push(...decodeBeforeLast(f, config.value));
    else terminal = decodeLast(f, config.value);
  }
  return { rbac, terminal };
}

/** None after a report. */
function decodeBeforeLast(f: Fields<typeof FilterSchema>, config: Any): NetworkRbac[] {
  const name = typeName(config);
  if (name === RBACSchema.typeName) {
    const opened = openAny(config, f.at('typedConfig'), f.context, 'security');
    return opened !== null && isType(opened, RBACSchema) ? [decodeNetworkRbac(opened)] : [];
  }
  if (TERMINALS.has(name)) f.invalid('', 'a terminal filter must be the last of the chain');
  else f.add(unsupportedKind(name), '', `the network filter ${name} is not supported by fairlead`);
  return [];
}

function decodeLast(f: Fields<typeof FilterSchema>, config: Any): Terminal | null {
  const opened = openAny(config, f.at('typedConfig'), f.context);
  if (opened === null) return null;
  if (isType(opened, HttpConnectionManagerSchema)) return { kind: 'http', http: decodeConnectionManager(opened) };
  if (isType(opened, TcpProxySchema)) return { kind: 'tcp', tcp: decodeTcpProxy(opened) };
  opened.unsupported('', `the network filter ${opened.schema.typeName} is not supported by fairlead`);
  return null;
}

export const EVERY_CONNECTION: FilterChainMatch = {
  destinationPort: null,
  prefixRanges: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  directSourcePrefixRanges: [],
  sourceType: 'any',
  sourcePrefixRanges: [],
  sourcePorts: [],
};

const SOURCES: Readonly<Record<SourceType, FilterChainMatch['sourceType']>> = {
  [SourceType.ANY]: 'any',
  [SourceType.SAME_IP_OR_LOOPBACK]: 'local',
  [SourceType.EXTERNAL]: 'external',
};

function decodeMatch(f: Fields<typeof FilterChainMatchSchema>): FilterChainMatch {
  f.security('addressSuffix', 'suffixLen');
  const match: FilterChainMatch = {
    destinationPort: f.take('destinationPort') ?? null,
    prefixRanges: f.children('prefixRanges', CidrRangeSchema).map(decodeCidr),
    serverNames: decodeServerNames(f),
    transportProtocol: decodeTransport(f),
    applicationProtocols: f.take('applicationProtocols'),
    directSourcePrefixRanges: f.children('directSourcePrefixRanges', CidrRangeSchema).map(decodeCidr),
    sourceType: SOURCES[f.take('sourceType')] ?? 'any',
    sourcePrefixRanges: f.children('sourcePrefixRanges', CidrRangeSchema).map(decodeCidr),
    sourcePorts: f.take('sourcePorts'),
  };
  f.end();
  return match;
}

function decodeServerNames(f: Fields<typeof FilterChainMatchSchema>): string[] {
  return f.take('serverNames').map((name, index) => {
    if (name.includes('*') && !/^\*\.[^*]+$/.test(name)) {
      f.context.problems.add(
        'invalid',
        `${f.at('serverNames')}[${index}]`,
        `"${name}": partial wildcards are not supported in server_names`,
      );
    }
    return name.toLowerCase();
  });
}

function decodeTransport(f: Fields<typeof FilterChainMatchSchema>): FilterChainMatch['transportProtocol'] {
  const protocol = f.take('transportProtocol');
  if (protocol === '' || protocol === 'tls' || protocol === 'raw_buffer') return protocol;
  f.add('security', 'transportProtocol', `"${protocol}" is not supported by fairlead`);
  return '';
}
