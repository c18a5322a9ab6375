// What translation yields: named, canonically encoded resources; and the memory by which an input that did
// not change yields the very same resource object again, without being encoded again.

import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { encodeCanonical, packAny } from '../../proto/registry.ts';
import type { ResourceType } from '../../proto/resources.ts';

export interface EncodedResource {
  readonly type: ResourceType;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** For a cluster: the name under which its endpoints travel; null: none do. */
  readonly endpoints: string | null;
}

/** The message as a resource. */
export function encodeResource<S extends DescMessage>(
  type: ResourceType,
  name: string,
  schema: S,
  message: MessageShape<S>,
  endpoints: string | null = null,
): EncodedResource {
  return { type, name, bytes: encodeCanonical(schema, message), endpoints };
}

/** A message packed into an Any, from its plain form. */
export function any<S extends DescMessage>(schema: S, init: MessageInitShape<S>): Any {
  return packAny(schema, create(schema, init));
}

/**
 * Remembers what was made of given objects, by their identity, and of a text that says what else it
 * depends on. What is no longer referred to from outside is forgotten with the objects.
 */
export class Memo<T> {
  readonly #root: Level<T> = { byText: new Map(), byObject: new WeakMap() };

  of(objects: readonly object[], text: string, make: () => T): T {
    let level = this.#root;
    for (const object of objects) level = below(level, object);
    const found = level.byText.get(text);
    if (found !== undefined) return found;
    const made = make();
    // One object stands in few combinations; a flood of them (nodes with random descriptions) is let go.
    if (level.byText.size >= MAX_TEXTS) level.byText.clear();
    level.byText.set(text, made);
    return made;
  }
}

/** Most variants remembered of one combination of objects. */
const MAX_TEXTS = 4096;

interface Level<T> {
  readonly byText: Map<string, T>;
  readonly byObject: WeakMap<object, Level<T>>;
}

function below<T>(level: Level<T>, object: object): Level<T> {
  const found = level.byObject.get(object);
  if (found !== undefined) return found;
  const made: Level<T> = { byText: new Map(), byObject: new WeakMap() };
  level.byObject.set(object, made);
  return made;
}
