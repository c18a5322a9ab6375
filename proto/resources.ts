// The resource types that travel over ADS: URL, short name, order of delivery.

import type { DescMessage } from '@bufbuild/protobuf';
import { ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.ts';
import { SecretSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { typeUrl } from './registry.ts';

export interface ResourceType {
  readonly shortName: 'CDS' | 'EDS' | 'LDS' | 'RDS' | 'SDS';
  readonly typeUrl: string;
  readonly schema: DescMessage;
  /** Make before break: what is referred to comes before what refers (xDS protocol, "Eventual consistency"). */
  readonly deliveryOrder: number;
  /** In state of the world every response lists all resources, and a missing one is deleted. */
  readonly fullState: boolean;
}

function resourceType(
  shortName: ResourceType['shortName'],
  schema: DescMessage,
  deliveryOrder: number,
  fullState: boolean,
): ResourceType {
  return { shortName, typeUrl: typeUrl(schema), schema, deliveryOrder, fullState };
}

export const CLUSTER = resourceType('CDS', ClusterSchema, 0, true);
export const ENDPOINT = resourceType('EDS', ClusterLoadAssignmentSchema, 1, false);
export const LISTENER = resourceType('LDS', ListenerSchema, 2, true);
export const ROUTE = resourceType('RDS', RouteConfigurationSchema, 3, false);
export const SECRET = resourceType('SDS', SecretSchema, 4, false);

/** In order of delivery. */
export const RESOURCE_TYPES: readonly ResourceType[] = [CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET];

export const byTypeUrl: ReadonlyMap<string, ResourceType> = new Map(RESOURCE_TYPES.map((type) => [type.typeUrl, type]));
