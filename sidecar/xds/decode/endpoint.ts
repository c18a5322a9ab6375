// ClusterLoadAssignment: endpoints by locality and priority.

import type { DescMessage, Message } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts';
import { LocalitySchema, MetadataSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { HealthStatus } from '../../../proto/gen/envoy/config/core/v3/health_check_pb.ts';
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import {
  ClusterLoadAssignmentSchema,
  ClusterLoadAssignment_Policy_DropOverloadSchema as DropSchema,
  ClusterLoadAssignment_PolicySchema as PolicySchema,
} from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { FractionalPercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from '../../model/endpoint.ts';
import type { Steps } from '../slices.ts';
import { decodeAddress } from './address.ts';
import { takeApart } from './assignment-parts.ts';
import { checkConstraints } from './constraints.ts';
import type { DecodeContext } from './fields.ts';
import { Fields } from './fields.ts';
import { decodeFraction } from './matcher.ts';
import { decodeMetadata } from './metadata.ts';

const DEFAULT_OVERPROVISIONING = 140;
const MOST_WEIGHT = 2 ** 32 - 1;

/** So many endpoints are decoded in one step. */
const ENDPOINTS_PER_STEP = 50;

/** `names`: whether endpoints may be DNS names. */
export function decodeAssignment(f: Fields<typeof ClusterLoadAssignmentSchema>, names: boolean): ClusterLoadAssignment {
  return decodeWith(f, (locality) =>
    locality.children('lbEndpoints', LbEndpointSchema).map((endpoint) => decodeLbEndpoint(endpoint, names)),
  );
}

/** The same from bytes, in steps. Throws an Error where they are no such message. */
export function* decodeAssignmentBytes(bytes: Uint8Array, context: DecodeContext): Steps<ClusterLoadAssignment> {
  const { assignment, endpoints } = takeApart(bytes);
  const check = (schema: DescMessage, message: Message, path: string) =>
    checkConstraints(schema, message, path, (kind, field, reason) => context.problems.add(kind, field, reason));
  check(ClusterLoadAssignmentSchema, assignment, '');
  const decoded: (Endpoint | null)[][] = endpoints.map(() => []);
  for (const [locality, parts] of endpoints.entries()) {
    for (const [index, part] of parts.entries()) {
      const path = `endpoints[${locality}].lb_endpoints[${index}]`;
      const message = fromBinary(LbEndpointSchema, part);
      check(LbEndpointSchema, message, path);
      decoded[locality]?.push(decodeLbEndpoint(new Fields(LbEndpointSchema, message, path, context), false));
      if (index % ENDPOINTS_PER_STEP === ENDPOINTS_PER_STEP - 1) yield;
    }
  }
  const f = new Fields(ClusterLoadAssignmentSchema, assignment, '', context);
  return decodeWith(f, (_, locality) => decoded[locality] ?? []);
}

/** `endpointsOf`: those of a locality, by its number; null: one that was refused. */
function decodeWith(
  f: Fields<typeof ClusterLoadAssignmentSchema>,
  endpointsOf: (locality: Fields<typeof LocalityLbEndpointsSchema>, index: number) => readonly (Endpoint | null)[],
): ClusterLoadAssignment {
  const policy = f.child('policy', PolicySchema);
  const localityFields = f.children('endpoints', LocalityLbEndpointsSchema);
  const localities = localityFields.map((locality, index) => decodeLocality(locality, endpointsOf(locality, index)));
  // Referred to only by endpoint_name, which is refused.
  f.ignore('namedEndpoints');
  const assignment: ClusterLoadAssignment = { name: f.take('clusterName'), localities, ...decodePolicy(policy) };
  f.end();
  checkWeights(f, localities);
  return assignment;
}

function decodePolicy(f: Fields<typeof PolicySchema> | null): Omit<ClusterLoadAssignment, 'name' | 'localities'> {
  if (f === null)
    return {
      overprovisioningFactor: DEFAULT_OVERPROVISIONING,
      weightedPriorityHealth: false,
      dropOverloads: [],
      staleAfterMs: 0,
    };
  const policy = {
    overprovisioningFactor: f.take('overprovisioningFactor') ?? DEFAULT_OVERPROVISIONING,
    weightedPriorityHealth: f.take('weightedPriorityHealth'),
    dropOverloads: f.children('dropOverloads', DropSchema).map(decodeDrop),
    staleAfterMs: f.ms('endpointStaleAfter', 0),
  };
  f.end();
  if (policy.dropOverloads.length > 1) f.invalid('dropOverloads', 'takes one category only');
  return policy;
}

function decodeDrop(f: Fields<typeof DropSchema>): { category: string; share: number } {
  const percentage = f.child('dropPercentage', FractionalPercentSchema);
  const drop = { category: f.take('category'), share: percentage === null ? 0 : decodeFraction(percentage) };
  f.end();
  return drop;
}

function checkWeights(f: Fields<typeof ClusterLoadAssignmentSchema>, localities: readonly LocalityEndpoints[]): void {
  const sums = new Map<number, number>();
  for (const { priority, weight } of localities) sums.set(priority, (sums.get(priority) ?? 0) + weight);
  for (const [priority, sum] of sums) {
    if (sum > MOST_WEIGHT)
      f.invalid('endpoints', `the sum of weights of all localities at priority ${priority} exceeds ${MOST_WEIGHT}`);
  }
}

function decodeLocality(
  f: Fields<typeof LocalityLbEndpointsSchema>,
  decoded: readonly (Endpoint | null)[],
): LocalityEndpoints {
  const locality = f.child('locality', LocalitySchema);
  // Zone-aware routing, which alone reads proximity and metadata of a locality, is not done here.
  f.ignore('metadata', 'proximity');
  const endpoints = decoded.filter((endpoint) => endpoint !== null);
  const endpointsAndPlace: LocalityEndpoints = {
    region: locality?.take('region') ?? '',
    zone: locality?.take('zone') ?? '',
    subZone: locality?.take('subZone') ?? '',
    weight: f.take('loadBalancingWeight') ?? 0,
    priority: f.take('priority'),
    endpoints,
  };
  locality?.end();
  f.end();
  if (endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0) > MOST_WEIGHT)
    f.invalid('lbEndpoints', `the sum of weights exceeds ${MOST_WEIGHT}`);
  return endpointsAndPlace;
}

const HEALTH: Readonly<Record<HealthStatus, Endpoint['health']>> = {
  [HealthStatus.UNKNOWN]: 'healthy',
  [HealthStatus.HEALTHY]: 'healthy',
  [HealthStatus.UNHEALTHY]: 'unhealthy',
  [HealthStatus.DRAINING]: 'draining',
  [HealthStatus.TIMEOUT]: 'unhealthy',
  [HealthStatus.DEGRADED]: 'degraded',
};

function decodeLbEndpoint(f: Fields<typeof LbEndpointSchema>, names: boolean): Endpoint | null {
  const identifier = f.take('hostIdentifier');
  const rest = {
    weight: f.take('loadBalancingWeight') ?? 1,
    health: HEALTH[f.take('healthStatus')] ?? ('healthy' as const),
    metadata: decodeMetadata(f.child('metadata', MetadataSchema)),
  };
  f.end();
  if (identifier.case === 'endpointName') return f.unsupported('endpointName');
  if (identifier.case === undefined) return f.invalid('', 'endpoint is required');
  const place = decodeEndpoint(f.choice('endpoint', identifier.value, EndpointSchema), names);
  return place === null ? null : { ...place, ...rest };
}

function decodeEndpoint(
  f: Fields<typeof EndpointSchema>,
  names: boolean,
): Pick<Endpoint, 'host' | 'port' | 'hostname'> | null {
  const address = f.child('address', AddressSchema);
  const hostname = f.take('hostname');
  // Speaks of active health checks, which are refused where they are configured.
  f.ignore('healthCheckConfig');
  f.end();
  if (address === null) return f.invalid('address', 'is required');
  const decoded = decodeAddress(address, names ? 'ip or name' : 'ip or pipe');
  return decoded === null ? null : { host: decoded.host, port: decoded.port, hostname };
}
