// Changes to a message in protobuf's JSON that know its schema: fields added, dropped, repeated, nested and
// set to values at the edges of their types.

import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { registry, schemaOf } from '../../../proto/registry.ts';
import type { Random } from '../random.ts';
import { FORMATS, HEADERS, HOSTS, host, NAMES, ODD_DURATIONS, PATHS, PATTERNS } from './words.ts';

interface Place {
  readonly schema: DescMessage;
  readonly json: JsonObject;
}

const LEAVES = /^google\.protobuf\.(?:Duration|Timestamp|FieldMask|Struct|Value|ListValue|\w+Value)$/;

/** Every message in a message, itself first. */
function placesOf(schema: DescMessage, json: JsonObject, found: Place[] = []): Place[] {
  found.push({ schema, json });
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find((one) => one.name === key);
    const inner = field?.message;
    if (inner === undefined || LEAVES.test(inner.typeName)) continue;
    for (const item of objectsIn(value, field?.fieldKind === 'map')) addPlace(inner, item, found);
  }
  return found;
}

function objectsIn(value: JsonValue, isMap: boolean): JsonObject[] {
  const items = Array.isArray(value) ? value : isMap ? Object.values(value as JsonObject) : [value];
  return items.filter((item): item is JsonObject => typeof item === 'object' && item !== null && !Array.isArray(item));
}

function addPlace(schema: DescMessage, json: JsonObject, found: Place[]): void {
  if (schema.typeName !== 'google.protobuf.Any') placesOf(schema, json, found);
  else {
    const inner = schemaOf(String(json['@type'] ?? ''));
    if (inner !== undefined) placesOf(inner, json, found);
  }
}

/** A copy with a change somewhere. */
export function sprinkle(schema: DescMessage, json: JsonObject, random: Random): JsonObject {
  const copy = structuredClone(json);
  random.pick(CHANGES)(random.pick(placesOf(schema, copy)), random);
  return copy;
}

type Change = (place: Place, random: Random) => void;

const addField: Change = ({ schema, json }, random) => {
  if (schema.fields.length === 0) return;
  const field = random.pick(schema.fields);
  json[field.name] = fieldValue(field, random, 3);
};

const dropField: Change = ({ json }, random) => {
  const keys = Object.keys(json);
  if (keys.length > 0) delete json[random.pick(keys)];
};

/** Three of a kind show what many do, but for the limits. */
const MANY = 0.005;

const repeatItems: Change = ({ json }, random) => {
  const key = keyWith(json, random, Array.isArray);
  if (key === undefined) return;
  const list = json[key] as JsonValue[];
  json[key] = Array.from({ length: random.chance(MANY) ? 300 : 3 }, () => list).flat();
};

const changeValue: Change = ({ schema, json }, random) => {
  const key = keyWith(json, random, (value) => typeof value !== 'object');
  const field = schema.fields.find((one) => one.name === key);
  if (field !== undefined) json[field.name] = fieldValue(field, random, 1);
};

const otherType: Change = ({ json }, random) => {
  if ('@type' in json) json['@type'] = `type.googleapis.com/${random.pick(TYPES)}`;
};

const CHANGES: readonly Change[] = [addField, addField, addField, dropField, repeatItems, changeValue, otherType];

function keyWith(json: JsonObject, random: Random, holds: (value: unknown) => boolean): string | undefined {
  const keys = Object.keys(json).filter((key) => holds(json[key]));
  return keys.length === 0 ? undefined : random.pick(keys);
}

const TYPES = [...registry]
  .filter((desc): desc is DescMessage => desc.kind === 'message')
  .map(({ typeName }) => typeName)
  .concat('envoy.extensions.filters.http.lua.v3.Lua', 'example.Unknown', '');

function fieldValue(field: DescField, random: Random, depth: number): JsonValue {
  if (field.fieldKind === 'list') return Array.from({ length: random.below(3) }, () => oneValue(field, random, depth));
  if (field.fieldKind === 'map') return { [random.pick(NAMES)]: oneValue(field, random, depth) };
  return oneValue(field, random, depth);
}

function oneValue(field: DescField, random: Random, depth: number): JsonValue {
  if (field.message !== undefined) return messageValue(field.message, random, depth);
  if (field.enum !== undefined) return random.pick(field.enum.values).name;
  return scalarValue(field.scalar, random);
}

function messageValue(schema: DescMessage, random: Random, depth: number): JsonValue {
  const name = schema.typeName.replace('google.protobuf.', '');
  if (name === 'Duration') return random.pick(ODD_DURATIONS);
  if (name === 'Timestamp') return '2026-01-01T00:00:00Z';
  if (name === 'Struct') return { a: { b: [1, null, 'c'] } };
  if (name === 'Any') return { '@type': `type.googleapis.com/${random.pick(TYPES)}` };
  if (LEAVES.test(schema.typeName)) return scalarValue(schema.fields[0]?.scalar, random);
  const json: JsonObject = {};
  if (depth > 0 && schema.fields.length > 0) {
    for (const field of random.some(schema.fields, 1.5 / schema.fields.length))
      json[field.name] = fieldValue(field, random, depth - 1);
  }
  return json;
}

const SMALL = [0, 1, 2, 100, 255, 65535, 2147483647];
const WIDE = ['0', '1', '9007199254740993', '9223372036854775807'];
const TEXTS = [
  ...NAMES,
  ...HOSTS,
  ...PATHS,
  ...PATTERNS,
  ...HEADERS,
  ...FORMATS,
  '\u{1f642}'.repeat(40),
  'x'.repeat(300),
];

function scalarValue(type: ScalarType | undefined, random: Random): JsonValue {
  switch (type) {
    case ScalarType.BOOL:
      return random.chance(0.7);
    case ScalarType.STRING:
      return random.chance(0.2) ? host(random) : random.pick(TEXTS);
    case ScalarType.BYTES:
      return random.pick(['', 'AAEC', '////']);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return random.pick(WIDE);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return random.pick([0, 1, 0.5, 100, -1, 1e30, 'NaN', 'Infinity']);
    default:
      return random.pick(SMALL);
  }
}
