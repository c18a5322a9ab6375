// Resources for tests of the protocol: a name and a content are enough.

import type { ResourceType } from '../../../proto/resources.ts';
import { CLUSTER } from '../../../proto/resources.ts';
import { type Resource, resourceOf, type Snapshot, snapshotOf } from '../../../discovery/xds/snapshot.ts';

export function resource(name: string, content = '1', type: ResourceType = CLUSTER): Resource {
  return resourceOf({
    type,
    name,
    bytes: Buffer.from(`${name}=${content}`),
    endpoints: type === CLUSTER ? name : null,
  });
}

export function resources(contents: Readonly<Record<string, string>>): Map<string, Resource> {
  return new Map(Object.entries(contents).map(([name, content]) => [name, resource(name, content)]));
}

/** A snapshot from `{type, name, content}` rows. */
export function snapshot(rows: readonly (readonly [ResourceType, string, string])[]): Snapshot {
  return snapshotOf(
    rows.map(([type, name, content]) => ({
      type,
      name,
      bytes: Buffer.from(`${name}=${content}`),
      endpoints: type === CLUSTER ? name : null,
    })),
  );
}
