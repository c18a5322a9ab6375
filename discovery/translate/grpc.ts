// The flavour that proxyless gRPC clients accept (xds.md 2.9): a listener under every name that a client may
// dial, an API listener instead of sockets, no TLS and no SDS, balancing left at round robin, and routes
// without what gRPC would refuse. Clients dial the applications directly.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import type {
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
} from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { CLUSTER, LISTENER, ROUTE } from '../../proto/resources.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { PathMatch, RetryPolicy, RouteRule, Service } from '../catalog/types.ts';
import { router } from './listeners.ts';
import { inOrder, routeMatch } from './match.ts';
import { clusterName, hostNames, serviceRoutes } from './names.ts';
import { any, type EncodedResource, encodeResource } from './resource.ts';
import { type RouteInputs, rulesFor, type Services } from './routes.ts';
import { adsSource } from './tls.ts';

/** gRFC A44: the conditions that gRPC knows, and the most attempts that it makes. */
const GRPC_CONDITIONS: ReadonlySet<string> = new Set([
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** A listener for each way to dial the service: with and without port, short and long. */
export function grpcListeners(service: Service): readonly EncodedResource[] {
  const targets = hostNames(service).flatMap((host) => [host, `${host}:${service.port}`]);
  const manager = any(HttpConnectionManagerSchema, {
    routeSpecifier: { case: 'rds', value: { routeConfigName: serviceRoutes(service), configSource: adsSource() } },
    httpFilters: [router()],
  });
  return targets.map((name) =>
    encodeResource(
      LISTENER,
      name,
      ListenerSchema,
      create(ListenerSchema, { name, apiListener: { apiListener: manager } }),
    ),
  );
}

export function grpcRoutes(inputs: RouteInputs, service: Service): EncodedResource {
  const name = serviceRoutes(service);
  const rules = rulesFor(service, inputs.routes).filter(understood);
  const routes = inOrder(rules)
    .filter(({ match }) => match.queryParams.length === 0)
    .flatMap(({ rule, match }) => routeOf(rule, routeMatch(match, pathSpecifier(match.path)), inputs.services));
  const message = create(RouteConfigurationSchema, { name, virtualHosts: [{ name, domains: ['*'], routes }] });
  return encodeResource(ROUTE, name, RouteConfigurationSchema, message);
}

/** gRPC forwards; it neither redirects nor answers by itself. */
function understood(rule: RouteRule): boolean {
  return !rule.filters.some((filter) => filter.type === 'RequestRedirect' || filter.type === 'DirectResponse');
}

function pathSpecifier(path: PathMatch): NonNullable<MessageInitShape<typeof RouteMatchSchema>['pathSpecifier']> {
  if (path.type === 'Exact') return { case: 'path', value: path.value };
  if (path.type === 'RegularExpression') return { case: 'safeRegex', value: { regex: path.value } };
  const prefix = path.value.replace(/\/+$/, '');
  return { case: 'prefix', value: prefix === '' ? '' : `${prefix}/` };
}

function routeOf(
  rule: RouteRule,
  match: MessageInitShape<typeof RouteMatchSchema>,
  services: Services,
): MessageInitShape<typeof RouteSchema>[] {
  const clusters = rule.backends
    .filter((backend) => services.has(backend.service) && backend.weight > 0)
    .map((backend) => ({
      name: clusterName(services.get(backend.service) as Service, backend.version),
      weight: backend.weight,
    }));
  const [first] = clusters;
  if (first === undefined) return [];
  const retryPolicy = retryOf(rule.retry);
  const value: MessageInitShape<typeof RouteActionSchema> = {
    clusterSpecifier:
      clusters.length === 1
        ? { case: 'cluster', value: first.name }
        : { case: 'weightedClusters', value: { clusters } },
    ...(rule.timeoutMs === null ? {} : { maxStreamDuration: { maxStreamDuration: toDuration(rule.timeoutMs) } }),
    ...(retryPolicy === null ? {} : { retryPolicy }),
  };
  return [{ match, action: { case: 'route', value } }];
}

/** Only where asked for, in gRPC's own words: an UNAVAILABLE may have been processed. */
function retryOf(policy: RetryPolicy | null) {
  const on = policy?.on.filter((word) => GRPC_CONDITIONS.has(word)) ?? [];
  if (policy === null || policy.attempts === 0 || on.length === 0) return null;
  const backoff = {
    baseInterval: toDuration(policy.backoffMs),
    maxInterval: toDuration(policy.maxBackoffMs ?? policy.backoffMs * 10),
  };
  return { retryOn: on.join(','), numRetries: policy.attempts, retryBackOff: backoff };
}

export function grpcCluster(service: Service, version: string | null): EncodedResource {
  const name = clusterName(service, version);
  const maxRequests = service.traffic.limits?.requests ?? null;
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource() },
    ...(maxRequests === null ? {} : { circuitBreakers: { thresholds: [{ maxRequests }] } }),
  });
  return encodeResource(CLUSTER, name, ClusterSchema, message, name);
}
