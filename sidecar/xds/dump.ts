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
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts';
import type { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { packAny, toProtoJson, unpackAs } from '../../proto/registry.ts';
import type { ResourceType } from '../../proto/resources.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../proto/resources.ts';
import { toTimestamp } from '../../proto/scalars.ts';
import { describe } from './ads-messages.ts';
import type { Accepted, Rejected } from './resources.ts';

export interface DumpInput {
  readonly bootstrap: Bootstrap;
  /** When the bootstrap was read, milliseconds since 1970. */
  readonly startedWallMs: number;
  /** Delivered resources in force, and those that were last refused. */
  readonly held: readonly Accepted[];
  readonly refused: readonly Rejected[];
  /** Last accepted version of the full state of a type. */
  readonly versions: ReadonlyMap<ResourceType, string>;
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

function bootstrapSection({ bootstrap, startedWallMs }: DumpInput): JsonObject {
  const dump = create(BootstrapConfigDumpSchema, { bootstrap, lastUpdated: toTimestamp(startedWallMs) });
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
  return new Map(input.refused.filter((one) => one.type === type).map((one) => [one.name, one]));
}

function heldOf(input: DumpInput, type: ResourceType): readonly Accepted[] {
  return input.held.filter((one) => one.type === type);
}

function anyOf(type: ResourceType, bytes: Uint8Array) {
  return { typeUrl: type.typeUrl, value: bytes };
}

function clustersSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, CLUSTER);
  const lastUpdated = toTimestamp(input.startedWallMs);
  const dump = create(ClustersConfigDumpSchema, {
    versionInfo: input.versions.get(CLUSTER) ?? '',
    staticClusters: (input.bootstrap.staticResources?.clusters ?? []).map((cluster) => ({
      cluster: packAny(ClusterSchema, cluster),
      lastUpdated,
    })),
    dynamicActiveClusters: heldOf(input, CLUSTER).map((one) => ({
      cluster: anyOf(CLUSTER, one.bytes),
      ...stateOf(one, refused.get(one.name)),
    })),
  });
  return section(ClustersConfigDumpSchema, toProtoJson(ClustersConfigDumpSchema, dump));
}

function endpointsSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, ENDPOINT);
  const lastUpdated = toTimestamp(input.startedWallMs);
  const inline = (input.bootstrap.staticResources?.clusters ?? []).flatMap(
    ({ loadAssignment }) => loadAssignment ?? [],
  );
  const dump = create(EndpointsConfigDumpSchema, {
    staticEndpointConfigs: inline.map((assignment) => ({
      endpointConfig: packAny(ClusterLoadAssignmentSchema, assignment),
      lastUpdated,
    })),
    dynamicEndpointConfigs: heldOf(input, ENDPOINT).map((one) => ({
      endpointConfig: anyOf(ENDPOINT, one.bytes),
      ...stateOf(one, refused.get(one.name)),
    })),
  });
  return section(EndpointsConfigDumpSchema, toProtoJson(EndpointsConfigDumpSchema, dump));
}

function listenersSection(input: DumpInput): JsonObject {
  const refused = refusalsOf(input, LISTENER);
  const lastUpdated = toTimestamp(input.startedWallMs);
  const dump = create(ListenersConfigDumpSchema, {
    versionInfo: input.versions.get(LISTENER) ?? '',
    staticListeners: (input.bootstrap.staticResources?.listeners ?? []).map((listener) => ({
      listener: packAny(ListenerSchema, listener),
      lastUpdated,
    })),
    dynamicListeners: heldOf(input, LISTENER).map((one) => dynamicListener(one, refused.get(one.name))),
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
  const lastUpdated = toTimestamp(input.startedWallMs);
  const dump = create(RoutesConfigDumpSchema, {
    staticRouteConfigs: inlineRoutes(input).map((routes) => ({
      routeConfig: packAny(RouteConfigurationSchema, routes),
      lastUpdated,
    })),
    dynamicRouteConfigs: heldOf(input, ROUTE).map((one) => ({
      routeConfig: anyOf(ROUTE, one.bytes),
      ...stateOf(one, refused.get(one.name)),
    })),
  });
  return section(RoutesConfigDumpSchema, toProtoJson(RoutesConfigDumpSchema, dump));
}

/** Routes that stand in listeners, static or delivered. */
function inlineRoutes(input: DumpInput): RouteConfiguration[] {
  const delivered = heldOf(input, LISTENER).map(({ bytes }) => fromBinary(ListenerSchema, bytes));
  const listeners = [...(input.bootstrap.staticResources?.listeners ?? []), ...delivered];
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
  const lastUpdated = toTimestamp(input.startedWallMs);
  const dump = create(SecretsConfigDumpSchema, {
    staticSecrets: (input.bootstrap.staticResources?.secrets ?? []).map((secret) => ({
      name: secret.name,
      secret: packAny(SecretSchema, secret),
      lastUpdated,
    })),
    dynamicActiveSecrets: heldOf(input, SECRET).map((one) => ({
      name: one.name,
      secret: anyOf(SECRET, one.bytes),
      ...stateOf(one, refused.get(one.name)),
    })),
  });
  return section(SecretsConfigDumpSchema, toProtoJson(SecretsConfigDumpSchema, dump));
}
