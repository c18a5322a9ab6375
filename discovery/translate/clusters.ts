// Services -> clusters: EDS over ADS, mutual TLS where both sides can, our safer defaults spelled in
// Envoy's fields (a retry budget, ejection of instances that fail at the gateway level, 1 s to connect).

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { CircuitBreakersSchema } from '../../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { AddressSchema } from '../../proto/gen/envoy/config/core/v3/address_pb.ts';
import type { OutlierDetectionSchema } from '../../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
import { CLUSTER } from '../../proto/resources.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { LoadBalancing, MeshPolicy, OutlierDetection, Service } from '../catalog/types.ts';
import { clusterName, identityOf, inboundCluster } from './names.ts';
import type { Taken } from './protocol.ts';
import { type EncodedResource, encodeResource } from './resource.ts';
import { adsSource, upstreamTls } from './tls.ts';
import { MESH_ALPN, towardsApplication, towardsService } from './upstream-http.ts';

const CONNECT_TIMEOUT_MS = 1000;
const RETRY_BUDGET = { percent: 20, minConcurrency: 3 };
const OUTLIER = { failures: 5, intervalMs: 10_000, baseMs: 30_000, maxPercent: 50 };
const LB_POLICIES: Readonly<Record<LoadBalancing, Cluster_LbPolicy>> = {
  ROUND_ROBIN: Cluster_LbPolicy.ROUND_ROBIN,
  LEAST_REQUEST: Cluster_LbPolicy.LEAST_REQUEST,
  RANDOM: Cluster_LbPolicy.RANDOM,
};

export function serviceCluster(
  service: Service,
  version: string | null,
  mesh: MeshPolicy,
  secured: boolean,
  protocol: Taken,
): EncodedResource {
  const name = clusterName(service, version);
  const { traffic } = service;
  // Where both go there, each pool offers its own: requests what auto_config speaks, connections nothing.
  const alpn = protocol === 'tcp' || protocol === 'detected' ? [] : MESH_ALPN;
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource() },
    connectTimeout: toDuration(traffic.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    lbPolicy: LB_POLICIES[traffic.loadBalancing ?? 'ROUND_ROBIN'],
    circuitBreakers: circuitBreakers(service),
    ...(traffic.outlierDetection === false ? {} : { outlierDetection: outlierDetection(traffic.outlierDetection) }),
    ...(traffic.panicThresholdPercent === null
      ? {}
      : { commonLbConfig: { healthyPanicThreshold: { value: traffic.panicThresholdPercent } } }),
    ...(secured ? { transportSocket: upstreamTls(identityOf(mesh, service.namespace, service.name), alpn) } : {}),
    typedExtensionProtocolOptions: towardsService(protocol, secured, traffic.idleTimeoutMs),
  });
  return encodeResource(CLUSTER, name, ClusterSchema, message, name);
}

function circuitBreakers(service: Service): MessageInitShape<typeof CircuitBreakersSchema> {
  const limits = service.traffic.limits;
  const budget = service.retry?.budget ?? RETRY_BUDGET;
  return {
    thresholds: [
      {
        ...given('maxConnections', limits?.connections),
        ...given('maxPendingRequests', limits?.pendingRequests),
        ...given('maxRequests', limits?.requests),
        // A fixed number of retries and a budget exclude each other in Envoy; who names a number gets it.
        ...(limits?.retries != null
          ? { maxRetries: limits.retries }
          : { retryBudget: { budgetPercent: { value: budget.percent }, minRetryConcurrency: budget.minConcurrency } }),
      },
    ],
  };
}

function given<K extends string>(key: K, value: number | null | undefined): { [P in K]?: number } {
  return (value == null ? {} : { [key]: value }) as { [P in K]?: number };
}

function outlierDetection(given: OutlierDetection | null): MessageInitShape<typeof OutlierDetectionSchema> {
  const consecutive5xx = given?.consecutive5xx ?? 0;
  const gateway = given?.consecutiveGatewayErrors ?? (given?.consecutive5xx == null ? OUTLIER.failures : 0);
  return {
    consecutive5xx: consecutive5xx || OUTLIER.failures,
    enforcingConsecutive5xx: consecutive5xx > 0 ? 100 : 0,
    consecutiveGatewayFailure: gateway || OUTLIER.failures,
    enforcingConsecutiveGatewayFailure: gateway > 0 ? 100 : 0,
    interval: toDuration(given?.intervalMs ?? OUTLIER.intervalMs),
    baseEjectionTime: toDuration(given?.baseEjectionMs ?? OUTLIER.baseMs),
    maxEjectionPercent: given?.maxEjectionPercent ?? OUTLIER.maxPercent,
    // Of two instances one may go: the percentage alone would keep both.
    alwaysEjectOneHost: true,
    // Few requests make success rates say nothing; consecutive failures are enough.
    enforcingSuccessRate: 0,
  };
}

/** Before the path of a Unix socket, as gRPC and others write it. */
const UNIX = 'unix:';

function applicationAddress(address: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (address.startsWith(UNIX)) return { address: { case: 'pipe', value: { path: address.slice(UNIX.length) } } };
  return { address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } } };
}

/** The application behind an inbound listener: one fixed address, nothing to balance or to eject. */
export function localCluster(address: string, appPort: number, protocol: Taken): EncodedResource {
  const name = inboundCluster(appPort);
  const endpoint = { address: applicationAddress(address, appPort) };
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: toDuration(CONNECT_TIMEOUT_MS),
    typedExtensionProtocolOptions: towardsApplication(protocol),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
  });
  return encodeResource(CLUSTER, name, ClusterSchema, message);
}
