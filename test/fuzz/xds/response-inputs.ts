// Encoded DiscoveryResponses with resources of one type, mostly valid, and changes to them: to the messages,
// to the encoding, and with resources of kept ones among the new.

import type { JsonObject } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import { ResourceSchema } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { fromProtoJson, typeUrl } from '../../../proto/registry.ts';
import { CLUSTER, ENDPOINT, LISTENER, RESOURCE_TYPES, type ResourceType, ROUTE } from '../../../proto/resources.ts';
import { Random } from '../random.ts';
import { pickSeed } from '../seeds.ts';
import { howManyChanges } from '../text-mutation.ts';
import { assignment, cluster, listener, secret } from './resources.ts';
import { routeConfig } from './routes.ts';
import { sprinkle } from './sprinkle.ts';
import { type Field, lengthField, mutateWire, readFields, writeFields } from './wire.ts';
import { list, NAMES } from './words.ts';

const OF_SEEDS = 0.25;
/** A resource that the next change is made to before it is encoded. */
const SPRINKLED = 0.35;

/** Responses of up to 60 resources, each of which takes the time of many others. */
const MANY = 0.002;

/** A change to a resource, and not to the response around it. */
const INSIDE = 0.9;

/** Numbers of the fields of a response, an Any and a Resource (discovery.proto, any.proto). */
const VERSION = 1;
const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;
const ANY_TYPE_URL = 1;
const ANY_VALUE = 2;
const WRAPPED_RESOURCE = 2;
const WRAPPED_NAME = 3;

export function generateResponses(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes = seeds.length > 0 && random.chance(OF_SEEDS) ? crossed(random, seeds) : newResponse(random);
  for (let i = howManyChanges(random); i > 0; i--) bytes = mutateResponse(bytes, random);
  return bytes;
}

function newResponse(random: Random): Buffer {
  const type = random.pick(RESOURCE_TYPES);
  const resources = list(random, 0, random.chance(MANY) ? 60 : 4, () => resource(random, type));
  return writeFields([text(VERSION, '1'), ...resources, text(TYPE_URL, type.typeUrl), text(NONCE, 'n')]);
}

function text(number: number, content: string): Field {
  return lengthField(number, Buffer.from(content));
}

function mutateResponse(bytes: Buffer, random: Random): Buffer {
  const fields = random.chance(INSIDE) ? readFields(bytes) : null;
  const places = fields?.flatMap(({ number }, i) => (number === RESOURCES ? [i] : [])) ?? [];
  if (fields === null || places.length === 0) return mutateWire(bytes, random);
  const at = random.pick(places);
  const { payload } = fields[at] as Field;
  return writeFields(fields.with(at, lengthField(RESOURCES, mutateAny(payload, random))));
}

function mutateAny(bytes: Buffer, random: Random): Buffer {
  const fields = readFields(bytes);
  const at = fields?.findIndex(({ number }) => number === ANY_VALUE) ?? -1;
  if (fields === null || at === -1) return mutateWire(bytes, random);
  const { payload } = fields[at] as Field;
  return writeFields(fields.with(at, lengthField(ANY_VALUE, mutateWire(payload, random))));
}

/** The fields of a kept response with a new resource of its type. */
function crossed(random: Random, seeds: readonly Buffer[]): Buffer {
  const seed = pickSeed(random, seeds);
  const fields = readFields(seed);
  const url = fields?.find(({ number }) => number === TYPE_URL)?.payload.toString();
  const type = RESOURCE_TYPES.find((one) => one.typeUrl === url);
  if (fields === null || type === undefined || random.chance(0.5)) return seed;
  return writeFields([...fields, resource(random, type)]);
}

function resource(random: Random, type: ResourceType): Field {
  const inner = any(type.typeUrl, encoded(random, type));
  return lengthField(RESOURCES, random.chance(0.9) ? inner : wrapped(inner));
}

function any(url: string, value: Uint8Array): Buffer {
  return writeFields([text(ANY_TYPE_URL, url), lengthField(ANY_VALUE, value)]);
}

function wrapped(inner: Buffer): Buffer {
  return any(
    typeUrl(ResourceSchema),
    writeFields([lengthField(WRAPPED_RESOURCE, inner), text(WRAPPED_NAME, 'wrapped')]),
  );
}

/** Most resources are taken from so many of each type, made once: encoding takes longer than decoding. */
const POOL = 1500;
const FRESH = 0.01;
const pools = new Map<ResourceType, (Uint8Array | undefined)[]>();

function encoded(random: Random, type: ResourceType): Uint8Array {
  if (random.chance(FRESH)) return encodeNew(random, type);
  const pool = pools.get(type) ?? [];
  pools.set(type, pool);
  const at = random.below(POOL);
  pool[at] ??= encodeNew(new Random(type.deliveryOrder, at), type);
  return pool[at];
}

function encodeNew(random: Random, type: ResourceType): Uint8Array {
  const json = newJson(random, type, `${random.pick(NAMES)}-${random.below(100)}`);
  const plain = toBinary(type.schema, fromProtoJson(type.schema, json));
  if (!random.chance(SPRINKLED)) return plain;
  try {
    return toBinary(type.schema, fromProtoJson(type.schema, sprinkle(type.schema, json, random)));
  } catch {
    // What JSON cannot say is left to the changes of the encoding.
    return plain;
  }
}

function newJson(random: Random, type: ResourceType, name: string): JsonObject {
  if (type === CLUSTER) return cluster(random, name);
  if (type === ENDPOINT) return assignment(random, name);
  if (type === LISTENER) return listener(random, name, random.below(50));
  return type === ROUTE ? routeConfig(random, name) : secret(random, name);
}
