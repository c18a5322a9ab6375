// Clusters: how hosts are found, and the rules for using them.

import { CircuitBreakersSchema } from '../../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import type { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import {
  Cluster_CommonLbConfigSchema as CommonLbSchema,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_EdsClusterConfigSchema as EdsSchema,
  Cluster_DnsLookupFamily as Family,
  TrackClusterStatsSchema,
  UpstreamConnectionOptionsSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { OutlierDetectionSchema } from '../../../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
import {
  BindConfigSchema,
  SocketAddressSchema,
  TcpKeepaliveSchema,
} from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { MetadataSchema, TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { PercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { Cluster, CommonLb } from '../../model/cluster.ts';
import type { ClusterLoadAssignment } from '../../model/endpoint.ts';
import { decodeSocketAddress } from './address.ts';
import { decodeConfigSource } from './config-source.ts';
import { decodeAssignment } from './endpoint.ts';
import type { Fields } from './fields.ts';
import type { DecodedLb } from './lb-policy.ts';
import { decodeLb } from './lb-policy.ts';
import { decodeLimits, decodeOutlier } from './limits.ts';
import { decodeMetadata } from './metadata.ts';
import { decodeUpstreamSocket } from './transport-socket.ts';
import { decodeUpstreamHttp } from './upstream-http.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_BUFFER_BYTES = 1024 * 1024;
const DEFAULT_DNS_REFRESH_MS = 5_000;
/** The kernel's own default for the first probe. */
const DEFAULT_KEEPALIVE_SECONDS = 7_200;

export function decodeCluster(f: Fields<typeof ClusterSchema>): Cluster {
  const outlier = f.child('outlierDetection', OutlierDetectionSchema);
  const lb = decodeLb(f);
  const cluster: Cluster = {
    name: f.take('name'),
    altStatName: f.take('altStatName') || null,
    discovery: decodeDiscovery(f),
    connectTimeoutMs: f.ms('connectTimeout', DEFAULT_CONNECT_TIMEOUT_MS),
    bufferLimit: f.take('perConnectionBufferLimitBytes') ?? DEFAULT_BUFFER_BYTES,
    lb: lb.lb,
    common: decodeCommonLb(f.child('commonLbConfig', CommonLbSchema), lb),
    limits: decodeLimits(f.child('circuitBreakers', CircuitBreakersSchema)),
    outlier: outlier === null ? null : decodeOutlier(outlier),
    ...decodeUpstreamSocket(f.child('transportSocket', TransportSocketSchema)),
    http: decodeUpstreamHttp(f),
    metadata: decodeMetadata(f.child('metadata', MetadataSchema)),
    tcpKeepalive: decodeKeepalive(f),
    bindAddress: decodeBind(f.child('upstreamBindConfig', BindConfigSchema)),
    closeConnectionsOnHostHealthFailure: f.take('closeConnectionsOnHostHealthFailure'),
    statTimeoutBudget: decodeStats(f),
  };
  // Warming, health checks and idle host sets: without effect where there is nothing to wait for or to check.
  f.ignore(
    'waitForWarmOnInit',
    'ignoreHealthOnHostRemoval',
    'cleanupInterval',
    'lrsReportEndpointMetrics',
    'protocolSelection',
  );
  f.end();
  return cluster;
}

type Discovery = Cluster['discovery'];

function decodeDiscovery(f: Fields<typeof ClusterSchema>): Discovery {
  const type = f.take('clusterDiscoveryType');
  if (type.case === 'clusterType') f.unsupported('clusterType', `of ${type.value.name} is not supported by fairlead`);
  const kind = type.case === 'type' ? type.value : DiscoveryType.STATIC;
  if (kind === DiscoveryType.EDS) return decodeEds(f);
  if (f.message.edsClusterConfig !== undefined) f.invalid('edsClusterConfig', 'is for clusters of type EDS only');
  f.ignore('edsClusterConfig');
  const assignment = decodeInline(f, kind === DiscoveryType.STRICT_DNS || kind === DiscoveryType.LOGICAL_DNS);
  if (kind === DiscoveryType.STRICT_DNS || kind === DiscoveryType.LOGICAL_DNS) return decodeDns(f, kind, assignment);
  if (kind === DiscoveryType.ORIGINAL_DST) f.unsupported('type', 'of ORIGINAL_DST is not supported by fairlead');
  ignoreDns(f);
  return { kind: 'static', assignment };
}

function decodeEds(f: Fields<typeof ClusterSchema>): Discovery {
  const eds = f.child('edsClusterConfig', EdsSchema);
  const source = eds?.child('edsConfig', ConfigSourceSchema) ?? null;
  if (eds === null || source === null)
    f.invalid('edsClusterConfig', 'with an eds_config is required for a cluster of type EDS');
  if (source !== null) decodeConfigSource(source);
  const serviceName = eds?.take('serviceName') || f.message.name;
  eds?.end();
  // An assignment in place is not looked at by a cluster that gets its own.
  f.ignore('loadAssignment');
  ignoreDns(f);
  return { kind: 'eds', serviceName };
}

/** A cluster without an assignment has no hosts. */
function decodeInline(f: Fields<typeof ClusterSchema>, names: boolean): ClusterLoadAssignment {
  const assignment = f.child('loadAssignment', ClusterLoadAssignmentSchema);
  if (assignment !== null) return decodeAssignment(assignment, names);
  return {
    name: f.message.name,
    localities: [],
    overprovisioningFactor: 140,
    weightedPriorityHealth: false,
    dropOverloads: [],
    staleAfterMs: 0,
  };
}

type DnsFamily = Extract<Discovery, { kind: 'strict-dns' | 'logical-dns' }>['family'];

const FAMILIES: Readonly<Record<Family, DnsFamily>> = {
  [Family.AUTO]: 'auto',
  [Family.V4_ONLY]: 'v4',
  [Family.V6_ONLY]: 'v6',
  [Family.V4_PREFERRED]: 'v4-preferred',
  [Family.ALL]: 'all',
};

function decodeDns(f: Fields<typeof ClusterSchema>, kind: DiscoveryType, assignment: ClusterLoadAssignment): Discovery {
  const logical = kind === DiscoveryType.LOGICAL_DNS;
  const hosts = assignment.localities.flatMap((locality) => locality.endpoints);
  if (logical && (assignment.localities.length !== 1 || hosts.length !== 1)) {
    f.invalid(
      'loadAssignment',
      'LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint',
    );
  }
  if (f.message.useTcpForDnsLookups !== true) f.ignore('useTcpForDnsLookups');
  return {
    kind: logical ? 'logical-dns' : 'strict-dns',
    assignment,
    refreshMs: f.ms('dnsRefreshRate', DEFAULT_DNS_REFRESH_MS),
    respectTtl: f.take('respectDnsTtl'),
    family: FAMILIES[f.take('dnsLookupFamily')] ?? 'auto',
  };
}

/** Options of resolving mean nothing where nothing is resolved. */
function ignoreDns(f: Fields<typeof ClusterSchema>): void {
  f.ignore('dnsRefreshRate', 'dnsFailureRefreshRate', 'respectDnsTtl', 'dnsLookupFamily', 'useTcpForDnsLookups');
  f.ignore('dnsResolvers', 'dnsResolutionConfig', 'typedDnsResolverConfig');
}

const DEFAULT_PANIC_PERCENT = 50;
const DEFAULT_MERGE_WINDOW_MS = 1_000;

function decodeCommonLb(f: Fields<typeof CommonLbSchema> | null, lb: DecodedLb): CommonLb {
  const panic = f?.child('healthyPanicThreshold', PercentSchema);
  const locality = f?.take('localityConfigSpecifier');
  // Hashing and sticky sessions are refused where they are asked for; without them these say nothing.
  f?.ignore('consistentHashingLbConfig', 'overrideHostStatus');
  const common: CommonLb = {
    panicThreshold: panic?.message.value ?? DEFAULT_PANIC_PERCENT,
    failTrafficOnPanic:
      lb.failTrafficOnPanic ?? (locality?.case === 'zoneAwareLbConfig' && locality.value.failTrafficOnPanic),
    localityWeighted: lb.localityWeighted ?? locality?.case === 'localityWeightedLbConfig',
    updateMergeWindowMs: f?.ms('updateMergeWindow', DEFAULT_MERGE_WINDOW_MS) ?? DEFAULT_MERGE_WINDOW_MS,
    ignoreNewHostsUntilFirstHc: f?.take('ignoreNewHostsUntilFirstHc') ?? false,
  };
  f?.end();
  return common;
}

function decodeKeepalive(f: Fields<typeof ClusterSchema>): Cluster['tcpKeepalive'] {
  const options = f.child('upstreamConnectionOptions', UpstreamConnectionOptionsSchema);
  const keepalive = options?.child('tcpKeepalive', TcpKeepaliveSchema) ?? null;
  // An endpoint has one address here, so there is nothing to race.
  options?.ignore('happyEyeballsConfig');
  options?.end();
  if (keepalive === null) return null;
  keepalive.note('keepaliveProbes', "the kernel's setting is used");
  keepalive.note('keepaliveInterval', "the kernel's setting is used");
  const idleSeconds = keepalive.take('keepaliveTime') ?? DEFAULT_KEEPALIVE_SECONDS;
  keepalive.end();
  return { idleSeconds };
}

function decodeBind(f: Fields<typeof BindConfigSchema> | null): Cluster['bindAddress'] {
  if (f === null) return null;
  const source = f.child('sourceAddress', SocketAddressSchema);
  f.end();
  const address = source === null ? null : decodeSocketAddress(source, false);
  return address === null ? null : { host: address.host, port: address.port };
}

function decodeStats(f: Fields<typeof ClusterSchema>): boolean {
  const stats = f.child('trackClusterStats', TrackClusterStatsSchema);
  const budgets = stats?.take('timeoutBudgets') === true || f.message.trackTimeoutBudgets;
  f.ignore('trackTimeoutBudgets');
  stats?.note('requestResponseSizes', 'these statistics are not kept');
  stats?.note('perEndpointStats', 'these statistics are not kept');
  stats?.end();
  return budgets;
}
