// The state-of-the-world messages on the wire. Responses are put together from the encoded resources, so
// that a resource is encoded once for all clients; requests are decoded whole.

import { fromBinary } from '@bufbuild/protobuf';
import type { Node } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { DiscoveryRequestSchema } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import type { Resource } from './snapshot.ts';
import type { Ask } from './subscription.ts';

export interface Request extends Ask {
  readonly typeUrl: string;
  readonly node: Node | null;
}

/** Throws where the bytes are not a DiscoveryRequest. */
export function decodeRequest(bytes: Uint8Array): Request {
  const message = fromBinary(DiscoveryRequestSchema, bytes);
  return {
    typeUrl: message.typeUrl,
    node: message.node ?? null,
    names: message.resourceNames,
    nonce: message.responseNonce,
    version: message.versionInfo,
    error: message.errorDetail === undefined ? null : message.errorDetail.message,
  };
}

export interface Response {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
}

/** DiscoveryResponse{version_info=1 resources=2 type_url=4 nonce=5 control_plane=6{identifier=1}}. */
export function encodeResponse(response: Response): Buffer {
  const parts: Uint8Array[] = [];
  addField(parts, 1, Buffer.from(response.version));
  for (const resource of response.resources) addField(parts, 2, resource.any);
  addField(parts, 4, Buffer.from(response.typeUrl));
  addField(parts, 5, Buffer.from(response.nonce));
  parts.push(CONTROL_PLANE);
  return Buffer.concat(parts);
}

/** One length-delimited field. */
function addField(parts: Uint8Array[], number: number, bytes: Uint8Array): void {
  parts.push(Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const IDENTIFIER = Buffer.from('fairlead');
const CONTROL_PLANE = Buffer.from([
  (6 << 3) | 2,
  IDENTIFIER.length + 2,
  (1 << 3) | 2,
  IDENTIFIER.length,
  ...IDENTIFIER,
]);
