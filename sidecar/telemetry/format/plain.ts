// Operators without parameters: one line each, by Envoy's name. An operator that is known to Envoy but
// has no meaning for what runs here gives "absent", so that formats move over unchanged.

import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { hostPort, isPipe } from '../../../core/addresses.ts';
import { FLAG, FLAG_NAMES, type FlagName, flagText } from '../../errors.ts';
import type { AddressFacts, RequestFacts } from '../facts.ts';
import { grpcStatus } from './grpc.ts';
import { PEER } from './peer.ts';
import { encoded, type Provider, type Value } from './value.ts';

const absent: Provider = () => null;

/** `1.2.3.4:80`, `[::1]:80`, `/run/app.sock`. Our own end of a connection to a Unix socket has no name: absent. */
export function addressText(address: AddressFacts | null): string | null {
  return address === null || address.host === '' ? null : encoded(hostPort(address.host, address.port));
}

/** Empty for a Unix socket, as in Envoy. */
function portOf(address: AddressFacts | null): number | string | null {
  if (address === null || address.host === '') return null;
  return isPipe(address.host) ? '' : address.port;
}

/** Whole milliseconds from one mark to another; null when either was not reached. */
export function between(fromMs: number, toMs: number): number | null {
  return fromMs < 0 || toMs < 0 ? null : Math.max(0, Math.floor(toMs - fromMs));
}

function orNull(text: string | null | undefined): string | null {
  return text === undefined || text === null || text === '' ? null : encoded(text);
}

function longFlags(bits: number): string {
  if (bits === 0) return '-';
  return flagText(bits)
    .split(',')
    .map((name) => FLAG_NAMES[name as FlagName])
    .join(',');
}

/** Spaces would break a line that is read by column. */
export function detailsText(details: string | null, keepSpaces = false): Value {
  if (details === null || details === '') return null;
  return keepSpaces ? details : details.replace(/\s/g, '_');
}

/** Upstream facts count for nothing where no upstream was chosen. */
/** The host of the last attempt, once a connection to it was there. */
export function connectedTo(facts: RequestFacts): AddressFacts | null {
  return facts.upstreamLocal === null ? null : facts.upstreamHost;
}

function ofUpstream<T extends Value>(read: (facts: RequestFacts) => T): Provider {
  return (facts) => (facts.upstreamHost === null ? null : read(facts));
}

function attempted(facts: RequestFacts): readonly AddressFacts[] {
  return facts.hostsAttempted ?? (facts.upstreamHost === null ? [] : [facts.upstreamHost]);
}

const HOSTNAME = encoded(hostname());

export const PLAIN: Readonly<Record<string, Provider>> = {
  ACCESS_LOG_TYPE: (facts) => facts.accessLogType ?? 'DownstreamEnd',
  BYTES_RECEIVED: (facts) => facts.bytesReceived,
  BYTES_SENT: (facts) => facts.bytesSent,
  BYTES_RETRANSMITTED: () => 0,
  PACKETS_RETRANSMITTED: () => 0,
  CONNECTION_ID: (facts) => facts.connection.id,
  CONNECTION_TERMINATION_DETAILS: (facts) => detailsText(facts.connection.terminationDetails),
  CUSTOM_FLAGS: () => '',
  DURATION: (facts) => between(facts.startMs, facts.endMs),
  REQUEST_DURATION: (facts) => between(facts.startMs, facts.requestEndMs),
  REQUEST_TX_DURATION: (facts) => between(facts.startMs, facts.upstreamTxEndMs),
  RESPONSE_DURATION: (facts) => between(facts.startMs, facts.upstreamRxStartMs),
  RESPONSE_TX_DURATION: (facts) => between(facts.upstreamRxStartMs, facts.endMs),
  ROUNDTRIP_DURATION: absent,
  DOWNSTREAM_HANDSHAKE_DURATION: absent,
  DOWNSTREAM_CX_RTT: absent,
  UPSTREAM_CONNECTION_POOL_READY_DURATION: absent,
  ROUTE_RESOLUTION_COUNT: () => 1,
  ROUTE_RESOLUTION_TIME_US: absent,
  PROTOCOL: (facts) => facts.protocol,
  UPSTREAM_PROTOCOL: (facts) => facts.upstreamProtocol,
  RESPONSE_CODE: (facts) => facts.responseCode,
  RESPONSE_FLAGS: (facts) => flagText(facts.responseFlags),
  RESPONSE_FLAGS_LONG: (facts) => longFlags(facts.responseFlags),
  REQUEST_HEADERS_BYTES: (facts) => facts.requestHeaderBytes,
  RESPONSE_HEADERS_BYTES: (facts) => facts.responseHeaderBytes,
  RESPONSE_TRAILERS_BYTES: () => 0,
  DOWNSTREAM_WIRE_BYTES_RECEIVED: ({ downstreamWire }) => downstreamWire?.received ?? 0,
  DOWNSTREAM_WIRE_BYTES_SENT: ({ downstreamWire }) => downstreamWire?.sent ?? 0,
  DOWNSTREAM_HEADER_BYTES_RECEIVED: ({ downstreamWire }) => downstreamWire?.receivedFields ?? 0,
  DOWNSTREAM_HEADER_BYTES_SENT: ({ downstreamWire }) => downstreamWire?.sentFields ?? 0,
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: ({ downstreamWire }) => downstreamWire?.receivedFields ?? 0,
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: ({ downstreamWire }) => downstreamWire?.sentFields ?? 0,
  UPSTREAM_WIRE_BYTES_RECEIVED: ({ upstreamWire }) => upstreamWire?.received ?? 0,
  UPSTREAM_WIRE_BYTES_SENT: ({ upstreamWire }) => upstreamWire?.sent ?? 0,
  UPSTREAM_HEADER_BYTES_RECEIVED: ({ upstreamWire }) => upstreamWire?.receivedFields ?? 0,
  UPSTREAM_HEADER_BYTES_SENT: ({ upstreamWire }) => upstreamWire?.sentFields ?? 0,
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: ({ upstreamWire }) => upstreamWire?.receivedFields ?? 0,
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: ({ upstreamWire }) => upstreamWire?.sentFields ?? 0,
  DOWNSTREAM_REMOTE_ADDRESS: (facts) => addressText(facts.remote),
  DOWNSTREAM_REMOTE_PORT: (facts) => portOf(facts.remote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (facts) => addressText(facts.connection.direct),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (facts) => portOf(facts.connection.direct),
  DOWNSTREAM_LOCAL_ADDRESS: (facts) => addressText(facts.connection.local),
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: () => '',
  DOWNSTREAM_LOCAL_PORT: (facts) => portOf(facts.connection.local),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: ({ connection }) => addressText(connection.directLocal ?? connection.local),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: () => '',
  DOWNSTREAM_DIRECT_LOCAL_PORT: ({ connection }) => portOf(connection.directLocal ?? connection.local),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: (facts) => orNull(facts.connection.transportFailureReason),
  DOWNSTREAM_DETECTED_CLOSE_TYPE: (facts) => facts.downstreamCloseType ?? 'Normal',
  DOWNSTREAM_LOCAL_CLOSE_REASON: (facts) => facts.localCloseReason ?? null,
  UPSTREAM_HOST: (facts) => addressText(facts.upstreamHost),
  UPSTREAM_HOST_NAME: (facts) => orNull(facts.upstreamHostname) ?? addressText(facts.upstreamHost),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (facts) => orNull(facts.upstreamHostname) ?? orNull(facts.upstreamHost?.host),
  UPSTREAM_HOSTS_ATTEMPTED: (facts) => orNull(attempted(facts).map(addressText).join(',')),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: (facts) =>
    orNull(
      attempted(facts)
        .map(({ host }) => host)
        .join(','),
    ),
  UPSTREAM_HOST_NAMES_ATTEMPTED: (facts) => orNull(facts.upstreamHostname),
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: (facts) => orNull(facts.upstreamHostname),
  UPSTREAM_CLUSTER: (facts) => orNull(facts.upstreamCluster),
  UPSTREAM_CLUSTER_RAW: (facts) => orNull(facts.upstreamClusterRaw ?? facts.upstreamCluster),
  UPSTREAM_CONNECTION_ID: (facts) => facts.upstreamConnectionId ?? null,
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: absent,
  UPSTREAM_LOCAL_ADDRESS: (facts) => addressText(facts.upstreamLocal),
  UPSTREAM_LOCAL_PORT: (facts) => portOf(facts.upstreamLocal),
  UPSTREAM_REMOTE_ADDRESS: (facts) => addressText(connectedTo(facts)),
  UPSTREAM_REMOTE_PORT: (facts) => portOf(connectedTo(facts)),
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: ofUpstream(() => ''),
  UPSTREAM_DETECTED_CLOSE_TYPE: ofUpstream((facts) => facts.upstreamCloseType ?? 'Normal'),
  UPSTREAM_LOCAL_CLOSE_REASON: absent,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (facts) => facts.attemptCount,
  UPSTREAM_SERVER_NAME: absent,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (facts) => detailsText(facts.upstreamFailureReason),
  ROUTE_NAME: (facts) => orNull(facts.routeName),
  VIRTUAL_CLUSTER_NAME: absent,
  LISTENER_NAME: (facts) => orNull(facts.connection.listenerName),
  FILTER_CHAIN_NAME: (facts) => orNull(facts.connection.filterChainName),
  HOSTNAME: () => HOSTNAME,
  UNIQUE_ID: () => randomUUID(),
  STREAM_ID: (facts) => facts.requestId,
  TRACE_ID: (facts) => facts.traceId,
  SPAN_ID: absent,
  LOCAL_REPLY_BODY: (facts) => facts.localReplyBody,
  GRPC_STATUS_NUMBER: grpcStatus('NUMBER'),
  TLS_JA3_FINGERPRINT: absent,
  TLS_JA4_FINGERPRINT: absent,
  ...PEER,
};

/** Is there a flag of this name? For filters that list flags. */
export function isFlag(name: string): name is FlagName {
  return Object.hasOwn(FLAG, name);
}
