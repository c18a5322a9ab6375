// Listeners: addresses, listener filters, filter chains.

import { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { TrafficDirection } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import {
  FilterChainSchema,
  ListenerFilterSchema,
} from '../../../proto/gen/envoy/config/listener/v3/listener_components_pb.ts';
import type { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import {
  AdditionalAddressSchema,
  Listener_DeprecatedV1Schema,
} from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import { hostPort } from '../../../core/addresses.ts';
import type { FilterChainMatch, Listener } from '../../model/listener.ts';
import { decodeAccessLog } from './access-log.ts';
import type { DecodedAddress } from './address.ts';
import { decodeAddress } from './address.ts';
import type { Fields } from './fields.ts';
import { decodeChainMatch, decodeFilterChain } from './filter-chain.ts';
import { decodeListenerFilters } from './listener-filters.ts';

const DEFAULT_BUFFER_BYTES = 1024 * 1024;
/** The kernel cuts this to net.core.somaxconn, which is what Envoy asks for. */
const DEFAULT_BACKLOG = 4096;

const DIRECTIONS: Readonly<Record<TrafficDirection, Listener['direction']>> = {
  [TrafficDirection.UNSPECIFIED]: 'unspecified',
  [TrafficDirection.INBOUND]: 'inbound',
  [TrafficDirection.OUTBOUND]: 'outbound',
};

/** Null without a report: an API listener, which is for gRPC clients and accepted silently. */
export function decodeListener(f: Fields<typeof ListenerSchema>): Listener | null {
  if (f.message.apiListener !== undefined && f.message.address === undefined) return null;
  const addresses = decodeAddresses(f);
  const defaultChain = f.child('defaultFilterChain', FilterChainSchema);
  const chainFields = f.children('filterChains', FilterChainSchema);
  const matches = chainFields.map(decodeChainMatch);
  checkMatches(chainFields, matches);
  const chains = chainFields
    .map((chain, index) => decodeFilterChain(chain, matches[index]))
    .filter((chain) => chain !== null);
  if (chainFields.length === 0 && defaultChain === null) f.invalid('filterChains', 'no filter chains specified');
  ignoreWithoutEffect(f);
  const listener: Listener = {
    name: f.take('name') || (addresses[0] === undefined ? '' : hostPort(addresses[0].host, addresses[0].port)),
    addresses: addresses.map(({ host, port, mode }) => ({ host, port, mode })),
    bindToPort: decodeBindToPort(f),
    backlog: f.take('tcpBacklogSize') ?? DEFAULT_BACKLOG,
    reusePort: f.take('enableReusePort') ?? true,
    ipv4Compat: addresses.some((address) => address.ipv4Compat),
    direction: DIRECTIONS[f.take('trafficDirection')] ?? 'unspecified',
    statPrefix: f.take('statPrefix') || null,
    chains,
    defaultChain: defaultChain === null ? null : decodeFilterChain(defaultChain),
    ...decodeListenerFilters(f.children('listenerFilters', ListenerFilterSchema), chains),
    listenerFiltersTimeoutMs: f.ms('listenerFiltersTimeout', 15_000),
    continueOnListenerFiltersTimeout: f.take('continueOnListenerFiltersTimeout'),
    ignoresGlobalLimit: f.take('ignoreGlobalConnLimit'),
    bypassesOverloadManager: f.take('bypassOverloadManager'),
    bufferLimit: f.take('perConnectionBufferLimitBytes') ?? DEFAULT_BUFFER_BYTES,
    accessLogs: f.children('accessLog', AccessLogSchema).flatMap(decodeAccessLog),
  };
  f.end();
  return listener;
}

/** The system spreads connections over threads, and false is what these are anyway. */
function ignoreWithoutEffect(f: Fields<typeof ListenerSchema>): void {
  f.ignore('metadata', 'drainType', 'connectionBalanceConfig', 'reusePort', 'maxConnectionsToAcceptPerSocketEvent');
  f.ignore('freebind');
  f.note('tcpFastOpenQueueLength', 'TCP fast open is not used');
  f.security('filterChainMatcher');
  if (f.message.useOriginalDst !== true) f.ignore('useOriginalDst');
  if (f.message.transparent !== true) f.ignore('transparent');
}

function decodeBindToPort(f: Fields<typeof ListenerSchema>): boolean {
  const old = f.child('deprecatedV1', Listener_DeprecatedV1Schema);
  const bind = f.take('bindToPort') ?? old?.take('bindToPort') ?? true;
  old?.end();
  return bind;
}

function decodeAddresses(f: Fields<typeof ListenerSchema>): DecodedAddress[] {
  const address = f.child('address', AddressSchema);
  if (address === null) f.invalid('address', 'is required');
  const first = address === null ? null : decodeAddress(address, 'ip or pipe');
  const more = f.children('additionalAddresses', AdditionalAddressSchema).map((additional) => {
    const inner = additional.child('address', AddressSchema);
    additional.end();
    return inner === null ? null : decodeAddress(inner, 'ip or pipe');
  });
  return [first, ...more].filter((decoded) => decoded !== null);
}

/** Two chains with the same match: no connection could tell them apart. Asked before the chains are read. */
function checkMatches(fields: readonly Fields<typeof FilterChainSchema>[], matches: readonly FilterChainMatch[]): void {
  const first = new Map<string, number>();
  for (const [index, match] of matches.entries()) {
    // Made in one place, so that equal matches have their parts in the same order.
    const key = JSON.stringify(match);
    const twin = first.get(key);
    if (twin === undefined) first.set(key, index);
    else
      fields[index]?.invalid(
        'filterChainMatch',
        `multiple filter chains with the same matching rules: this one and filter_chains[${twin}]`,
      );
  }
}
