// A ClusterLoadAssignment taken apart without decoding its endpoints: there may be ten thousand, and whoever
// decodes them one by one can stop in between.

import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { LocalityLbEndpoints } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { LocalityLbEndpointsSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import type { ClusterLoadAssignment } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts';

export interface AssignmentParts {
  /** Its localities hold no endpoints. */
  readonly assignment: ClusterLoadAssignment;
  /** The bytes of each LbEndpoint, by locality. */
  readonly endpoints: readonly (readonly Uint8Array[])[];
}

const LOCALITIES = ClusterLoadAssignmentSchema.field.endpoints.number;
const LB_ENDPOINTS = LocalityLbEndpointsSchema.field.lbEndpoints.number;

/** Throws an Error where the bytes are no such message. */
export function takeApart(bytes: Uint8Array): AssignmentParts {
  const { rest, parts } = withoutField(bytes, LOCALITIES);
  const assignment = fromBinary(ClusterLoadAssignmentSchema, rest);
  const localities = parts.map((locality) => withoutField(locality, LB_ENDPOINTS));
  assignment.endpoints = localities.map((locality) => readLocality(locality.rest));
  return { assignment, endpoints: localities.map((locality) => locality.parts) };
}

function readLocality(rest: Uint8Array): LocalityLbEndpoints {
  return fromBinary(LocalityLbEndpointsSchema, rest);
}

/** The messages in one repeated field, and what is left of a message without them; views of `bytes` where they can be. */
function withoutField(bytes: Uint8Array, field: number): { rest: Uint8Array; parts: Uint8Array[] } {
  const reader = new BinaryReader(bytes);
  const parts: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  let keptFrom = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    if (number !== field || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    if (start > keptFrom) kept.push(bytes.subarray(keptFrom, start));
    parts.push(reader.bytes());
    keptFrom = reader.pos;
  }
  if (keptFrom < bytes.length) kept.push(bytes.subarray(keptFrom));
  return { rest: kept.length === 1 ? (kept[0] as Uint8Array) : Buffer.concat(kept), parts };
}
