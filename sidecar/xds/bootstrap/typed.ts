// A tree of the file against a message type: every unknown field, wrong type, unknown enum value and
// oneof set twice is named where it stands, all at once; the rest becomes protobuf's JSON. Remembers
// where each part stands, so that later findings can point at it.

import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { fromJson, ScalarType } from '@bufbuild/protobuf';
import type { ConfigError, ErrorCode } from '../../../core/config-error.ts';
import { ErrorList } from '../../../core/error-list.ts';
import { nearest } from '../../../core/spelling.ts';
import { TypedStructSchema } from '../../../proto/gen/xds/type/v3/typed_struct_pb.ts';
import { registry, schemaOf, typeUrl } from '../../../proto/registry.ts';
import { join } from '../decode/problems.ts';
import type { MapTree, ScalarTree, Source, Tree } from './yaml.ts';

/** Offsets by field path, names as in the .proto texts. */
export type Places = ReadonlyMap<string, { readonly key: number; readonly value: number }>;

export interface TypedResult {
  readonly json: JsonObject;
  readonly places: Places;
  readonly errors: readonly ConfigError[];
}

/** `allowUnknown`: unknown fields are passed over. */
export function readTyped(schema: DescMessage, tree: Tree, source: Source, allowUnknown: boolean): TypedResult {
  const walk = new TypedWalk(source, allowUnknown);
  const json = walk.message(schema, tree, '') as JsonObject;
  return { json, places: walk.places, errors: walk.errors.all };
}

const WRAPPERS = /^google\.protobuf\.(?:Double|Float|Int64|UInt64|Int32|UInt32|Bool|String|Bytes)Value$/;
const LEAVES: ReadonlySet<string> = new Set([
  'google.protobuf.Duration',
  'google.protobuf.Timestamp',
  'google.protobuf.FieldMask',
]);
const FREE: ReadonlySet<string> = new Set([
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
]);

class TypedWalk {
  readonly errors = new ErrorList();
  readonly places = new Map<string, { key: number; value: number }>();
  readonly #source: Source;
  readonly #allowUnknown: boolean;

  constructor(source: Source, allowUnknown: boolean) {
    this.#source = source;
    this.#allowUnknown = allowUnknown;
  }

  /** Protobuf's JSON of a message; undefined after an error that leaves nothing to say. */
  message(schema: DescMessage, tree: Tree, path: string): JsonValue | undefined {
    if (FREE.has(schema.typeName)) return this.#struct(schema, tree, path);
    if (tree.kind !== 'map')
      return this.#refuse(tree.at, 'FL0107', path, `must be a mapping with fields of ${schema.name}`);
    if (schema.typeName === 'google.protobuf.Any') return this.#any(tree, path);
    return this.#fields(schema, tree, path);
  }

  #fields(schema: DescMessage, tree: MapTree, path: string): JsonObject {
    const json: JsonObject = {};
    const chosen = new Map<string, string>();
    for (const { key, keyAt, value } of tree.entries) {
      if (key === '@type') continue;
      const field = fieldOf(schema, key);
      if (field === undefined) this.#unknownField(schema, key, keyAt, path);
      else this.#field(field, value, keyAt, join(path, field.name), json, chosen);
    }
    return json;
  }

  #field(
    field: DescField,
    tree: Tree,
    keyAt: number,
    path: string,
    json: JsonObject,
    chosen: Map<string, string>,
  ): void {
    this.places.set(path, { key: keyAt, value: tree.at });
    if (tree.kind === 'scalar' && tree.value === null && !isFree(field)) return;
    if (Object.hasOwn(json, field.name)) this.#refuse(keyAt, 'FL0102', path, 'stands twice, once in camelCase');
    const other = field.oneof === undefined ? undefined : chosen.get(field.oneof.name);
    if (other !== undefined) this.#refuse(keyAt, 'FL0112', path, `only one of ${other} and ${field.name} may be given`);
    if (field.oneof !== undefined) chosen.set(field.oneof.name, field.name);
    const value = this.#value(field, tree, path);
    if (value !== undefined && other === undefined) json[field.name] = value;
  }

  #value(field: DescField, tree: Tree, path: string): JsonValue | undefined {
    if (field.fieldKind === 'list') return this.#list(field, tree, path);
    if (field.fieldKind === 'map') return this.#map(field, tree, path);
    return this.#single(field, tree, path);
  }

  #list(field: DescField & { fieldKind: 'list' }, tree: Tree, path: string): JsonValue | undefined {
    if (tree.kind !== 'list') return this.#refuse(tree.at, 'FL0107', path, 'must be a list');
    return tree.items.flatMap((item, index) => {
      const place = `${path}[${index}]`;
      this.places.set(place, { key: item.at, value: item.at });
      return this.#single(field, item, place) ?? [];
    });
  }

  #map(field: DescField & { fieldKind: 'map' }, tree: Tree, path: string): JsonValue | undefined {
    if (tree.kind !== 'map') return this.#refuse(tree.at, 'FL0107', path, 'must be a mapping');
    const json: JsonObject = {};
    for (const { key, keyAt, value } of tree.entries) {
      const place = `${path}[${JSON.stringify(key)}]`;
      this.places.set(place, { key: keyAt, value: value.at });
      const inner = this.#single(field, value, place);
      if (inner !== undefined) json[key] = inner;
    }
    return json;
  }

  /** One value of the field's type: an item of a list, a value of a map, or the field itself. */
  #single(field: DescField, tree: Tree, path: string): JsonValue | undefined {
    if (field.enum !== undefined) return this.#enum(field.enum, tree, path);
    const { message } = field;
    if (message !== undefined && !WRAPPERS.test(message.typeName) && !LEAVES.has(message.typeName))
      return this.message(message, tree, path);
    if (tree.kind !== 'scalar') return this.#refuse(tree.at, 'FL0107', path, 'must be a single value');
    return this.#scalar(field, tree, path);
  }

  /** Whatever protobuf's own JSON reader takes for this field. */
  #scalar(field: DescField, tree: ScalarTree, path: string): JsonValue | undefined {
    const value = tree.value as JsonValue;
    const reason = whyNot(field, value);
    if (reason === null) return value;
    return this.#refuse(
      tree.at,
      'FL0107',
      path,
      typeof value === 'boolean' && isText(field)
        ? `${tree.text} is read as a boolean here; write "${tree.text}" in quotes`
        : reason,
    );
  }

  #enum(desc: DescEnum, tree: Tree, path: string): JsonValue | undefined {
    if (tree.kind !== 'scalar') return this.#refuse(tree.at, 'FL0107', path, 'must be a single value');
    if (typeof tree.value === 'number') return tree.value;
    const names = desc.values.map((value) => value.name);
    // Envoy's reader takes enum values in any case.
    const upper = tree.text.toUpperCase().replaceAll('-', '_');
    for (const name of [tree.text, upper]) if (names.includes(name)) return name;
    return this.#refuse(
      tree.at,
      'FL0107',
      path,
      `"${tree.text}" is not a value of ${desc.name}: ${names.join(', ')}`,
      nearest(tree.text, names),
    );
  }

  /** An unknown type, or none with nothing else, is carried on: whoever decodes it says what it means there. */
  #any(tree: MapTree, path: string): JsonValue | undefined {
    if (tree.entries.length === 0) return {};
    const type = tree.entries.find((entry) => entry.key === '@type');
    if (type === undefined) return this.#refuse(tree.at, 'FL0106', path, '"@type" is missing');
    const url = type.value.kind === 'scalar' ? type.value.text : '';
    this.places.set(join(path, '@type'), { key: type.keyAt, value: type.value.at });
    const schema = schemaOf(url);
    const rest: MapTree = { ...tree, entries: tree.entries.filter((entry) => entry !== type) };
    if (schema === undefined) return { '@type': typeUrl(TypedStructSchema), type_url: url, value: free(rest) };
    const inner = rest.entries[0];
    if (isWellKnown(schema)) return { '@type': url, value: inner === undefined ? {} : free(inner.value) };
    return { ...this.#fields(schema, rest, path), '@type': url };
  }

  #struct(schema: DescMessage, tree: Tree, path: string): JsonValue | undefined {
    if (schema.typeName === 'google.protobuf.Struct' && tree.kind !== 'map') {
      return tree.kind === 'scalar' && tree.value === null
        ? undefined
        : this.#refuse(tree.at, 'FL0107', path, 'must be a mapping');
    }
    return free(tree);
  }

  #unknownField(schema: DescMessage, key: string, keyAt: number, path: string): void {
    if (this.#allowUnknown) return;
    this.errors.add(() => {
      const camel = /[A-Z]/.test(key);
      const names = schema.fields.map((field) => (camel ? field.jsonName : field.name));
      const message = `${schema.typeName} has no field "${key}"`;
      return this.#source.error(keyAt, 'FL0105', join(path, key), message, nearest(key, names));
    });
  }

  #refuse(at: number, code: ErrorCode, path: string, message: string, suggestion: string | null = null): undefined {
    this.errors.add(() => this.#source.error(at, code, path, message, suggestion));
    return undefined;
  }
}

function fieldOf(schema: DescMessage, key: string): DescField | undefined {
  return schema.fields.find((field) => field.name === key || field.jsonName === key);
}

function isFree(field: DescField): boolean {
  return field.message?.typeName === 'google.protobuf.Value';
}

function isText(field: DescField): boolean {
  return (field.scalar ?? field.message?.fields[0]?.scalar) === ScalarType.STRING;
}

function isWellKnown(schema: DescMessage): boolean {
  return WRAPPERS.test(schema.typeName) || LEAVES.has(schema.typeName) || FREE.has(schema.typeName);
}

/** Plain JSON of a part whose shape nobody prescribes. */
function free(tree: Tree): JsonValue {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(free);
  return Object.fromEntries(tree.entries.map(({ key, value }) => [key, free(value)]));
}

/** Why protobuf's JSON reader does not take a value for a field, or null where it does. */
function whyNot(field: DescField, value: JsonValue): string | null {
  const inList = field.fieldKind === 'list' ? [value] : field.fieldKind === 'map' ? { key: value } : value;
  try {
    fromJson(field.parent, { [field.name]: inList }, { registry });
    return null;
  } catch (error) {
    return readable(field, value, (error as Error).message);
  }
}

const KINDS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.DOUBLE]: 'a number',
  [ScalarType.FLOAT]: 'a number',
  [ScalarType.INT64]: 'an integer',
  [ScalarType.UINT64]: 'an integer of 0 and more',
  [ScalarType.INT32]: 'an integer',
  [ScalarType.BOOL]: 'true or false',
  [ScalarType.STRING]: 'a text: write it in quotes',
  [ScalarType.BYTES]: 'base64',
  [ScalarType.UINT32]: 'an integer of 0 and more',
};

function readable(field: DescField, value: JsonValue, message: string): string {
  const scalar = field.scalar ?? field.message?.fields[0]?.scalar;
  if (field.message?.typeName === 'google.protobuf.Duration')
    return `${JSON.stringify(value)} is not a duration: write seconds with an "s", e.g. "0.5s"`;
  const wanted = scalar === undefined ? undefined : KINDS[scalar];
  return wanted === undefined ? message : `${JSON.stringify(value)} is not ${wanted}`;
}
