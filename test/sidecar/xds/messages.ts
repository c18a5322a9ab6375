// Resources for tests, written as Envoy users write them: protobuf's JSON with snake_case names.

import type { JsonObject } from '@bufbuild/protobuf';
import { encodeCanonical, fromProtoJson } from '../../../proto/registry.ts';
import type { ResourceType } from '../../../proto/resources.ts';
import type { Decoded, DecodeOptions, Model } from '../../../sidecar/xds/decode/resource.ts';
import { decodeMessage } from '../../../sidecar/xds/decode/resource.ts';

export const TYPE = 'type.googleapis.com/';
export const ROUTER = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.router.v3.Router` },
};

export function bytesOf(type: ResourceType, json: JsonObject): Uint8Array {
  return encodeCanonical(type.schema, fromProtoJson(type.schema, json));
}

export function decode(type: ResourceType, json: JsonObject, options: Partial<DecodeOptions> = {}): Decoded<Model> {
  return decodeMessage(type.schema, fromProtoJson(type.schema, json), { allowUnsupported: false, ...options });
}

/** The model of a resource that must be taken. */
export function accept<M extends Model>(type: ResourceType, json: JsonObject, options: Partial<DecodeOptions> = {}): M {
  const decoded = decode(type, json, options);
  if (!decoded.ok) throw new Error(decoded.problems.map(({ field, reason }) => `${field}: ${reason}`).join('\n'));
  if (decoded.value === null) throw new Error('taken silently');
  return decoded.value as M;
}

/** Field paths of a resource that must be refused. */
export function refusedFields(type: ResourceType, json: JsonObject, options: Partial<DecodeOptions> = {}): string[] {
  const decoded = decode(type, json, options);
  if (decoded.ok) throw new Error('was not refused');
  return decoded.problems.map(({ field }) => field);
}

/** `field: reason` of a resource that must be refused. */
export function refusals(type: ResourceType, json: JsonObject, options: Partial<DecodeOptions> = {}): string[] {
  const decoded = decode(type, json, options);
  if (decoded.ok) throw new Error('was not refused');
  return decoded.problems.map(({ field, reason }) => `${field}: ${reason}`);
}

/** A cluster with one endpoint. */
export function clusterJson(name: string, more: JsonObject = {}): JsonObject {
  return {
    name,
    type: 'STATIC',
    load_assignment: assignmentJson(name, [['127.0.0.1', 8080]]),
    ...more,
  };
}

export function edsClusterJson(name: string, more: JsonObject = {}): JsonObject {
  return { name, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } }, ...more };
}

export function assignmentJson(name: string, hosts: readonly (readonly [string, number])[]): JsonObject {
  const lb_endpoints = hosts.map(([address, port_value]) => ({
    endpoint: { address: { socket_address: { address, port_value } } },
  }));
  return { cluster_name: name, endpoints: [{ lb_endpoints }] };
}

export function routesJson(name: string, routes: JsonObject[], more: JsonObject = {}): JsonObject {
  return { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes }], ...more };
}

export function routeTo(cluster: string, more: JsonObject = {}): JsonObject {
  return { match: { prefix: '/' }, route: { cluster, ...more } };
}

export function managerJson(more: JsonObject = {}): JsonObject {
  const named = 'rds' in more ? {} : { route_config: routesJson('main', [routeTo('a')]) };
  return {
    '@type': `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'main',
    http_filters: [ROUTER],
    ...named,
    ...more,
  };
}

export function listenerJson(
  name: string,
  port: number,
  manager: JsonObject = managerJson(),
  more: JsonObject = {},
): JsonObject {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
    ...more,
  };
}
