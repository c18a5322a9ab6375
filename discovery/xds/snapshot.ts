// A snapshot: named, content-hashed, encoded-once resources by type; immutable. What did not change since
// the last snapshot is the same object, so "changed" is `!==`, and two replicas agree on versions.

import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { RESOURCE_TYPES, type ResourceType } from '../../proto/resources.ts';

/** What a snapshot is made of; translation yields it. */
export interface NamedBytes {
  readonly type: ResourceType;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** For a cluster: the name under which its endpoints travel. */
  readonly endpoints: string | null;
}

export interface Resource {
  readonly name: string;
  /** Hash of the content: equal content has equal versions, on every replica. */
  readonly version: string;
  /** The encoded google.protobuf.Any, shared by every response that holds it. */
  readonly any: Uint8Array;
  readonly endpoints: string | null;
}

export type Resources = ReadonlyMap<string, Resource>;

export interface Snapshot {
  of(type: ResourceType): Resources;
}

const NONE: Resources = new Map();
export const EMPTY_SNAPSHOT: Snapshot = { of: () => NONE };

/** Resources by the object that translation yielded, so that an unchanged one is hashed once in its life. */
const known = new WeakMap<NamedBytes, Resource>();

/** Resources of one name twice: the first stands (a response must not name one twice). */
export function snapshotOf(named: readonly NamedBytes[]): Snapshot {
  const byType = new Map<ResourceType, Map<string, Resource>>(RESOURCE_TYPES.map((type) => [type, new Map()]));
  for (const one of named) {
    const resources = byType.get(one.type);
    if (resources !== undefined && !resources.has(one.name)) resources.set(one.name, resourceOf(one));
  }
  return { of: (type) => byType.get(type) ?? NONE };
}

export function resourceOf(named: NamedBytes): Resource {
  const found = known.get(named);
  if (found !== undefined) return found;
  const any = toBinary(AnySchema, create(AnySchema, { typeUrl: named.type.typeUrl, value: named.bytes }));
  const resource = { name: named.name, version: hash([named.bytes]), any, endpoints: named.endpoints };
  known.set(named, resource);
  return resource;
}

/** The version of a set of resources as one client sees it. */
export function setVersion(resources: Iterable<Resource>): string {
  const lines = [...resources].map((resource) => `${resource.name}\0${resource.version}`).sort();
  return hash(lines.map((line) => Buffer.from(`${line}\n`)));
}

const VERSION_DIGITS = 16;

function hash(parts: readonly Uint8Array[]): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex').slice(0, VERSION_DIGITS);
}
