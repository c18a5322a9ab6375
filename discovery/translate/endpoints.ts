// Instances -> ClusterLoadAssignment. The path that changes most often, so it depends on nothing but the
// list of instances of one service.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { HealthStatus } from '../../proto/gen/envoy/config/core/v3/health_check_pb.ts';
import type { LocalityLbEndpointsSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ENDPOINT } from '../../proto/resources.ts';
import { type Instance, VERSION_LABEL } from '../catalog/types.ts';
import { type EncodedResource, encodeResource } from './resource.ts';

/** `direct`: past the sidecars, to the application's own port, as proxyless clients dial. */
export function endpointsOf(
  cluster: string,
  instances: readonly Instance[],
  version: string | null,
  direct: boolean,
): EncodedResource {
  const wanted = version === null ? instances : instances.filter((one) => one.labels[VERSION_LABEL] === version);
  const message = create(ClusterLoadAssignmentSchema, { clusterName: cluster, endpoints: localities(wanted, direct) });
  return encodeResource(ENDPOINT, cluster, ClusterLoadAssignmentSchema, message);
}

/** One group per region and zone, in order of name; addresses once each (gRPC refuses duplicates). */
function localities(
  instances: readonly Instance[],
  direct: boolean,
): MessageInitShape<typeof LocalityLbEndpointsSchema>[] {
  const groups = new Map<string, Map<string, Instance>>();
  for (const instance of instances) {
    const key = `${instance.region}/${instance.zone}`;
    const group = groups.get(key) ?? new Map<string, Instance>();
    groups.set(key, group.set(`${instance.address}|${portOf(instance, direct)}`, instance));
  }
  return [...groups.keys()]
    .sort()
    .map((key) => locality([...(groups.get(key) ?? new Map<string, Instance>()).values()], direct));
}

function locality(instances: readonly Instance[], direct: boolean): MessageInitShape<typeof LocalityLbEndpointsSchema> {
  const weight = instances.reduce((sum, one) => sum + one.weight, 0);
  return {
    locality: { region: instances[0]?.region ?? '', zone: instances[0]?.zone ?? '' },
    loadBalancingWeight: weight,
    lbEndpoints: instances.map((one) => ({
      loadBalancingWeight: one.weight,
      healthStatus: one.status === 'draining' ? HealthStatus.DRAINING : HealthStatus.HEALTHY,
      hostIdentifier: {
        case: 'endpoint',
        value: {
          address: {
            address: {
              case: 'socketAddress',
              value: { address: one.address, portSpecifier: { case: 'portValue', value: portOf(one, direct) } },
            },
          },
        },
      },
    })),
  };
}

function portOf(instance: Instance, direct: boolean): number {
  return direct ? (instance.appPort ?? instance.port) : instance.port;
}
