// Extension configuration: what stands in an Any, checked like every message, whether it came typed or
// as a TypedStruct (xds.type.v3, udpa.type.v1).

import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { TypedStructSchema as UdpaTypedStruct } from '../../../proto/gen/udpa/type/v1/typed_struct_pb.ts';
import { TypedStructSchema as XdsTypedStruct } from '../../../proto/gen/xds/type/v3/typed_struct_pb.ts';
import { fromProtoJson, schemaOf, unpackAny } from '../../../proto/registry.ts';
import { checkConstraints } from './constraints.ts';
import type { DecodeContext } from './fields.ts';
import { Fields } from './fields.ts';
import type { ProblemKind } from './problems.ts';

export type Extension = Fields<DescMessage>;

/** The type that an Any names, without its prefix; of a TypedStruct, the type that it stands for. */
export function typeName(any: Any): string {
  const struct = typedStruct(any);
  const url = struct === null ? any.typeUrl : struct.url;
  return url.slice(url.lastIndexOf('/') + 1);
}

/** Opens an Any. Null after a report: an unknown type (`ifUnknown`), or bytes that are not that type. */
export function openAny(
  any: Any,
  path: string,
  context: DecodeContext,
  ifUnknown: ProblemKind = 'unsupported',
): Extension | null {
  const name = typeName(any);
  if (schemaOf(name) !== undefined) return read(any, path, context);
  if (name === '') context.problems.add('invalid', path, 'has no @type');
  else context.problems.add(ifUnknown, path, `the extension ${name} is not supported by fairlead`);
  return null;
}

function read(any: Any, path: string, context: DecodeContext): Extension | null {
  try {
    const { schema, message } = unpack(any);
    checkConstraints(schema, message, path, (kind, field, reason) => context.problems.add(kind, field, reason));
    return new Fields(schema, message, path, context);
  } catch (error) {
    context.problems.add('invalid', path, `is not a ${typeName(any)}: ${(error as Error).message}`);
    return null;
  }
}

function unpack(any: Any): { schema: DescMessage; message: MessageShape<DescMessage> } {
  const struct = typedStruct(any);
  const found = struct === null ? unpackAny(any) : null;
  if (found !== null) return found;
  const schema = schemaOf(typeName(any));
  if (schema === undefined) throw new Error('unknown type');
  return { schema, message: fromProtoJson(schema, struct?.value ?? {}) };
}

/** null: it is none, or one that cannot be read, which `read` reports at its own place. */
function typedStruct(any: Any): { url: string; value: JsonValue } | null {
  const name = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  if (name !== XdsTypedStruct.typeName && name !== UdpaTypedStruct.typeName) return null;
  try {
    const unpacked = unpackAny(any);
    if (unpacked === null) return null;
    const { typeUrl, value } = unpacked.message as MessageShape<typeof XdsTypedStruct>;
    return { url: typeUrl, value: value ?? {} };
  } catch {
    return null;
  }
}

/** Whether the extension is of this type; narrows it. */
export function isType<D extends DescMessage>(extension: Extension, schema: D): extension is Extension & Fields<D> {
  return extension.schema.typeName === schema.typeName;
}
