// Every message we know, by name: what an Any holds, protobuf's JSON mapping, and the canonical bytes by
// which two encodings of the same content are equal.

import type { DescField, DescMessage, JsonValue, Message, MessageShape } from '@bufbuild/protobuf';
import { clone, create, createRegistry, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import type { ReflectMessage } from '@bufbuild/protobuf/reflect';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { files } from './gen/files.ts';

export const registry = createRegistry(...files);

const TYPE_PREFIX = 'type.googleapis.com/';

/** `type.googleapis.com/` and the message's full name. */
export function typeUrl(schema: DescMessage): string {
  return TYPE_PREFIX + schema.typeName;
}

/** The schema a type URL names; undefined where we have none. Only what follows the last slash counts. */
export function schemaOf(url: string): DescMessage | undefined {
  return registry.getMessage(url.slice(url.lastIndexOf('/') + 1));
}

export interface Unpacked {
  readonly schema: DescMessage;
  readonly message: Message;
}

/** What an Any holds, or null for a type that we do not have. Throws where the bytes are not that type. */
export function unpackAny(any: Any): Unpacked | null {
  const schema = schemaOf(any.typeUrl);
  return schema === undefined ? null : { schema, message: fromBinary(schema, any.value) };
}

/** The message inside an Any that must be of one type; null where it is of another. */
export function unpackAs<Desc extends DescMessage>(any: Any, schema: Desc): MessageShape<Desc> | null {
  const name = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  return name === schema.typeName ? fromBinary(schema, any.value) : null;
}

export function packAny<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return create(AnySchema, { typeUrl: typeUrl(schema), value: encodeCanonical(schema, message) });
}

/**
 * Bytes that depend on the content alone: fields by number, map entries by key, nothing written for a
 * default. Equal content gives equal bytes, so a hash of them can be a version.
 */
export function encodeCanonical<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  const copy = clone(schema, message);
  sortMaps(reflect(schema, copy));
  return toBinary(schema, copy);
}

/** Puts the entries of every map in the message, at any depth, into the order of their keys. */
function sortMaps(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'map') sortKeys(rawValue(message, field));
    for (const value of jsonObjects(message, field)) sortJson(value);
    for (const child of children(message, field)) sortMaps(child);
  }
}

const STRUCT = 'google.protobuf.Struct';

/** A Struct is kept as a plain JSON object wherever it is a field, except inside google.protobuf.Value. */
function jsonObjects(message: ReflectMessage, field: DescField): unknown[] {
  if (field.message?.typeName !== STRUCT || message.desc.typeName === 'google.protobuf.Value') return [];
  const value = rawValue(message, field);
  return field.fieldKind === 'message' ? [value] : Object.values(value);
}

function rawValue(message: ReflectMessage, field: DescField): Record<string, unknown> {
  const fields = message.message as unknown as Record<string, unknown>;
  const value =
    field.oneof === undefined ? fields[field.localName] : (fields[field.oneof.localName] as { value: unknown }).value;
  return value as Record<string, unknown>;
}

function children(message: ReflectMessage, field: DescField): ReflectMessage[] {
  if (field.fieldKind === 'message') return [message.get(field)];
  if (field.fieldKind === 'list' && field.listKind === 'message') return [...message.get(field)] as ReflectMessage[];
  if (field.fieldKind === 'map' && field.mapKind === 'message')
    return [...message.get(field).values()] as ReflectMessage[];
  return [];
}

function sortJson(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) sortKeys(value as Record<string, unknown>);
  for (const inner of Object.values(value)) sortJson(inner);
}

function sortKeys(map: Record<string, unknown>): void {
  for (const key of Object.keys(map).sort()) {
    const value = map[key];
    delete map[key];
    map[key] = value;
  }
}

/** Protobuf's JSON with field names as written in the .proto texts (snake_case), as Envoy's /config_dump prints. */
export function toProtoJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

/** Reads protobuf's JSON, names in snake_case or camelCase. Throws on unknown fields and wrong types. */
export function fromProtoJson<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  return fromJson(schema, json, { registry });
}
