// /config_dump: Envoy's admin messages, as JSON, from the bootstrap and from what discovery delivered.
// Holds secrets: whoever prints it takes them out.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { create, fromBinary } from '@bufbuild/protobuf';
import { BootstrapConfigDumpSchema, SecretsConfigDumpSchema } from '../../proto/gen/envoy/admin/v3/config_dump_pb.ts';
import {
  ClientResourceStatus,
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from '../../proto/gen/envoy/admin/v3/config_dump_shared_pb.ts';
import type { Bootstrap } from '../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import type { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { packAny, toProtoJson, unpackAs } from '../../proto/registry.ts';
import type { ResourceType } from '../../proto/resources.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../proto/resources.ts';
import { toTimestamp } from '../../proto/scalars.ts';
import type { Accepted, Rejected } from './resources.ts';
import { describe } from './ads-messages.ts';

export interface DumpInput {
  readonly bootstrap: Bootstrap;
  /** When the bootstrap was read, milliseconds since 1970. */
  readonly startedAt: number;
  readonly accepted: (type: ResourceType) => readonly Accepted[];
  readonly rejected: (type: ResourceType) => readonly Rejected[];
  /** Last accepted version of the full state of a type; ''. */
  readonly version: (type: ResourceType) => string;
}

/** Sections in Envoy's order, each with its `@type`. Endpoints only when asked for, as in Envoy. */
export function dumpSections(input: DumpInput, includeEndpoints: boolean): JsonObject[] {
  const sections = [bootstrapSection(input), clustersSection(input)];
  if (includeEndpoints) sections.push(endpointsSection(input));
  return [...sections, listenersSection(input), routesSection(input), secretsSection(input)];
}

function section(schema: { readonly typeName: string }, json: JsonValue): JsonObject {
  return { '@type': `type.googleapis.com/${schema.typeName}`, ...(json as JsonObject) };
}

function bootstrapSection({ bootstrap, startedAt }: DumpInput): JsonObject {
  const dump = create(BootstrapConfigDumpSchema, { bootstrap, lastUpdated: toTimestamp(startedAt) });
  return section(BootstrapConfigDumpSchema, toProtoJson(BootstrapConfigDumpSchema, dump));
}

/** What every dynamic resource says of itself. */
function stateOf(accepted: Accepted, rejected: Rejected | undefined) {
  return {
    versionInfo: accepted.version,
    lastUpdated: toTimestamp(accepted.updatedAt),
    clientStatus: rejected === undefined ? ClientResourceStatus.ACKED : ClientResourceStatus.NACKED,
    ...(rejected === undefined ? {} : { errorState: errorOf(rejected) }),
  };
}

function errorOf({ refusals, version, at }: Rejected) {
  return { details: describe(refusals), versionInfo: version, lastUpdateAttempt: toTimestamp(at) };
}

function refusalsOf(input: DumpInput, type: ResourceType): ReadonlyMap<string, Rejected> {
  return new Map(input.rejected(type).map((rejected) => [rejected.name, rejected]));
}

function anyOf(type: ResourceType, bytes: Uint8Array) {
  return { typeUrl: type.typeUrl, value: bytes };
}

function clustersSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, CLUSTER);
  const lastUpdated = toTimestamp(input.startedAt);
  const dump = create(ClustersConfigDumpSchema, {
    versionInfo: input.version(CLUSTER),
    staticClusters: (input.bootstrap.staticResources?.clusters ?? []).map((cluster) => ({
      cluster: packAny(ClusterSchema, cluster),
      lastUpdated,
    })),
    dynamicActiveClusters: input
      .accepted(CLUSTER)
      .map((one) => ({ cluster: anyOf(CLUSTER, one.bytes), ...stateOf(one, refused.get(one.name)) })),
  });
  return section(ClustersConfigDumpSchema, toProtoJson(ClustersConfigDumpSchema, dump));
}

function endpointsSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, ENDPOINT);
  const lastUpdated = toTimestamp(input.startedAt);
  const inline = (input.bootstrap.staticResources?.clusters ?? []).flatMap(
    ({ loadAssignment }) => loadAssignment ?? [],
  );
  const dump = create(EndpointsConfigDumpSchema, {
    staticEndpointConfigs: inline.map((assignment) => ({
      endpointConfig: packAny(ClusterLoadAssignmentSchema, assignment),
      lastUpdated,
    })),
    dynamicEndpointConfigs: input
      .accepted(ENDPOINT)
      .map((one) => ({ endpointConfig: anyOf(ENDPOINT, one.bytes), ...stateOf(one, refused.get(one.name)) })),
  });
  return section(EndpointsConfigDumpSchema, toProtoJson(EndpointsConfigDumpSchema, dump));
}

function listenersSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, LISTENER);
  const lastUpdated = toTimestamp(input.startedAt);
  const dump = create(ListenersConfigDumpSchema, {
    versionInfo: input.version(LISTENER),
    staticListeners: (input.bootstrap.staticResources?.listeners ?? []).map((listener) => ({
      listener: packAny(ListenerSchema, listener),
      lastUpdated,
    })),
    dynamicListeners: input.accepted(LISTENER).map((one) => dynamicListener(one, refused.get(one.name))),
  });
  return section(ListenersConfigDumpSchema, toProtoJson(ListenersConfigDumpSchema, dump));
}

function dynamicListener(one: Accepted, refused: Rejected | undefined) {
  const { errorState, clientStatus, ...state } = { errorState: undefined, ...stateOf(one, refused) };
  return {
    name: one.name,
    activeState: { listener: anyOf(LISTENER, one.bytes), ...state },
    clientStatus,
    ...(errorState === undefined ? {} : { errorState }),
  };
}

function routesSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, ROUTE);
  const lastUpdated = toTimestamp(input.startedAt);
  const dump = create(RoutesConfigDumpSchema, {
    staticRouteConfigs: inlineRoutes(input).map((routes) => ({
      routeConfig: packAny(RouteConfigurationSchema, routes),
      lastUpdated,
    })),
    dynamicRouteConfigs: input
      .accepted(ROUTE)
      .map((one) => ({ routeConfig: anyOf(ROUTE, one.bytes), ...stateOf(one, refused.get(one.name)) })),
  });
  return section(RoutesConfigDumpSchema, toProtoJson(RoutesConfigDumpSchema, dump));
}

/** Routes that stand in listeners, static or delivered. */
function inlineRoutes({ bootstrap, accepted }: DumpInput): RouteConfiguration[] {
  const delivered = accepted(LISTENER).map(({ bytes }) => fromBinary(ListenerSchema, bytes));
  const listeners = [...(bootstrap.staticResources?.listeners ?? []), ...delivered];
  const chains = listeners.flatMap(({ filterChains, defaultFilterChain }) => [
    ...filterChains,
    ...(defaultFilterChain ? [defaultFilterChain] : []),
  ]);
  return chains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => {
      const manager =
        configType.case === 'typedConfig' ? unpackAs(configType.value, HttpConnectionManagerSchema) : null;
      return manager?.routeSpecifier.case === 'routeConfig' ? [manager.routeSpecifier.value] : [];
    }),
  );
}

function secretsSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, SECRET);
  const lastUpdated = toTimestamp(input.startedAt);
  const dump = create(SecretsConfigDumpSchema, {
    staticSecrets: (input.bootstrap.staticResources?.secrets ?? []).map((secret) => ({
      name: secret.name,
      secret: packAny(SecretSchema, secret),
      lastUpdated,
    })),
    dynamicActiveSecrets: input
      .accepted(SECRET)
      .map((one) => ({ name: one.name, secret: anyOf(SECRET, one.bytes), ...stateOf(one, refused.get(one.name)) })),
  });
  return section(SecretsConfigDumpSchema, toProtoJson(SecretsConfigDumpSchema, dump));
}
