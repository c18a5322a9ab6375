// DiscoveryRequest and DiscoveryResponse as the stream needs them.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Any } from '@bufbuild/protobuf/wkt';
import { LocalityLbEndpointsSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { DiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.ts';
import type { ResourceType } from '../../proto/resources.ts';
import type { NodeInfo } from './bootstrap/bootstrap.ts';
import { nameOf } from './decode/resource.ts';
import type { Refusal, ResourceUpdate } from './source.ts';

export interface RequestParts {
  readonly type: ResourceType;
  /** null: wildcard, by an empty list. */
  readonly names: ReadonlySet<string> | null;
  readonly version: string;
  readonly nonce: string;
  /** Given on the first request of a stream only. */
  readonly node: NodeInfo | null;
  /** Why the response was refused; empty: it was not. */
  readonly refusals: readonly Refusal[];
}

/** gRPC's INVALID_ARGUMENT, which clients use for refusals. */
const INVALID_ARGUMENT = 3;
/** A longer explanation is cut; what was refused stays readable in full on our own side. */
const MOST_DETAIL = 16 * 1024;

export function encodeRequest({ type, names, version, nonce, node, refusals }: RequestParts): Buffer {
  const request = create(DiscoveryRequestSchema, {
    versionInfo: version,
    resourceNames: [...(names ?? [])].sort(),
    typeUrl: type.typeUrl,
    responseNonce: nonce,
  });
  if (node !== null) request.node = nodeMessage(node);
  if (refusals.length > 0)
    request.errorDetail = create(StatusSchema, { code: INVALID_ARGUMENT, message: describe(refusals) });
  return Buffer.from(toBinary(DiscoveryRequestSchema, request));
}

export function nodeMessage({ id, cluster, region, zone, subZone, metadata }: NodeInfo) {
  return create(NodeSchema, {
    id,
    cluster,
    locality: { region, zone, subZone },
    metadata,
    userAgentName: 'fairlead',
    userAgentVersionType: { case: 'userAgentVersion', value: USER_AGENT_VERSION },
    clientFeatures: ['xds.config.resource-in-sotw'],
  });
}

const USER_AGENT_VERSION = '0.1.0';

/** `name: field: reason`, one line for each. */
export function describe(refusals: readonly Refusal[]): string {
  const lines = refusals.map(({ name, field, reason }) =>
    [name, field, reason].filter((part) => part !== '').join(': '),
  );
  const text = lines.join('\n');
  return text.length <= MOST_DETAIL ? text : `${text.slice(0, MOST_DETAIL)}… (${refusals.length} in all)`;
}

/** null: these bytes are no DiscoveryResponse. */
export function decodeResponse(bytes: Buffer): DiscoveryResponse | null {
  try {
    return fromBinary(DiscoveryResponseSchema, bytes);
  } catch {
    return null;
  }
}

export interface OpenedResponse {
  readonly changed: ResourceUpdate['changed'];
  /** Resources that cannot even be named. */
  readonly refusals: readonly Refusal[];
}

/** Names and bytes of a response's resources; unwraps those that come inside a Resource. */
export function openResponse(type: ResourceType, response: DiscoveryResponse): OpenedResponse {
  const changed: ResourceUpdate['changed'][number][] = [];
  const refusals: Refusal[] = [];
  for (const [index, any] of response.resources.entries()) {
    const opened = openResource(type, any, response.versionInfo);
    if (typeof opened === 'string') refusals.push({ name: `resources[${index}]`, field: '', reason: opened });
    else if (opened !== null) changed.push(opened);
  }
  return { changed, refusals };
}

/** Whether a ClusterLoadAssignment names any endpoint; true where it cannot be read, which the judge says. */
export function holdsEndpoints(assignment: Uint8Array): boolean {
  try {
    return someField(assignment, ENDPOINTS_FIELD, (locality) => someField(locality, LB_ENDPOINTS_FIELD, () => true));
  } catch {
    return true;
  }
}

const ENDPOINTS_FIELD = ClusterLoadAssignmentSchema.field.endpoints.number;
const LB_ENDPOINTS_FIELD = LocalityLbEndpointsSchema.field.lbEndpoints.number;

/** Whether a message holds such a message in a field. Reads tags and lengths only: there may be ten thousand. */
function someField(bytes: Uint8Array, field: number, holds: (value: Uint8Array) => boolean): boolean {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number !== field || wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
    else if (holds(reader.bytes())) return true;
  }
  return false;
}

/** null: a heartbeat, which holds no resource. A text: why it cannot be opened. */
function openResource(
  type: ResourceType,
  any: Any,
  version: string,
): ResourceUpdate['changed'][number] | string | null {
  if (any.typeUrl.endsWith(`/${ResourceSchema.typeName}`)) return unwrap(type, any, version);
  if (any.typeUrl !== type.typeUrl) return `is a ${any.typeUrl} in a response of type ${type.typeUrl}`;
  const name = nameOf(type.schema, any.value);
  if (name === null) return `cannot be read as ${type.typeUrl}`;
  return name === '' ? 'has no name' : { name, version, bytes: any.value };
}

function unwrap(type: ResourceType, any: Any, version: string): ReturnType<typeof openResource> {
  try {
    const wrapper = fromBinary(ResourceSchema, any.value);
    return wrapper.resource === undefined ? null : openResource(type, wrapper.resource, wrapper.version || version);
  } catch (error) {
    return `cannot be read as ${ResourceSchema.typeName}: ${(error as Error).message}`;
  }
}
