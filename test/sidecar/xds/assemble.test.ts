// The next snapshot: equal to a plain model of it, and made of the same objects where nothing changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ResourceType } from '../../../proto/resources.ts';
import { RESOURCE_TYPES } from '../../../proto/resources.ts';
import type { Snapshot } from '../../../sidecar/model/snapshot.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import type { Change } from '../../../sidecar/xds/assemble.ts';
import { assemble, PART_OF } from '../../../sidecar/xds/assemble.ts';
import type { Model } from '../../../sidecar/xds/decode/resource.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** A few models by name and version; the same version is the same object. */
const MODELS = new Map(
  NAMES.flatMap((name) => [1, 2].map((version) => [`${name}${version}`, { name, version } as unknown as Model])),
);

const changes: fc.Arbitrary<Change> = fc.record({
  type: fc.constantFrom(...RESOURCE_TYPES),
  changed: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(1, 2)), { selector: ([name]) => name })
    .map((list) => new Map(list.map(([name, version]) => [name, MODELS.get(`${name}${version}`) as Model]))),
  removed: fc.subarray(NAMES),
  complete: fc.boolean(),
  kept: fc.subarray(NAMES).map((names) => new Set(names)),
});

function part(snapshot: Snapshot, type: ResourceType): ReadonlyMap<string, unknown> {
  return snapshot[PART_OF[type.shortName]] as ReadonlyMap<string, unknown>;
}

/** What must be there afterwards, name by name. */
function expected(before: ReadonlyMap<string, unknown>, change: Change, name: string): unknown {
  if ([...change.removed].includes(name)) return undefined;
  const fresh = change.changed.get(name);
  if (fresh !== undefined) return fresh;
  return change.complete && !change.kept.has(name) ? undefined : before.get(name);
}

test('any sequence of changes gives what a plain model gives, and shares what did not change', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 12 }), (sequence) => {
      let snapshot = EMPTY_SNAPSHOT;
      for (const change of sequence) {
        const next = assemble(snapshot, change);
        for (const name of NAMES)
          assert.equal(part(next, change.type).get(name), expected(part(snapshot, change.type), change, name));
        for (const type of RESOURCE_TYPES)
          if (type !== change.type) assert.equal(part(next, type), part(snapshot, type));
        assert.equal(assemble(next, { ...change, kept: new Set(NAMES) }), next, 'the same again is the same object');
        snapshot = next;
      }
    }),
  );
});
