// The table of streams finds what is in it and nothing else, whatever came and went.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Http2Stream } from '../../../../sidecar/http/h2/stream.ts';
import { StreamTable } from '../../../../sidecar/http/h2/stream-table.ts';

const stream = (id: number) => ({ id }) as Http2Stream;

test('as a map of numbers, in every order of coming and going', () => {
  // Numbers close together and far apart, so that places are shared.
  const id = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 100_000 })).map((n) => 2 * n + 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 300 }), (steps) => {
      const table = new StreamTable();
      const model = new Map<number, Http2Stream>();
      for (const [adds, one] of steps) {
        const known = model.get(one);
        if (adds && known === undefined) {
          const added = stream(one);
          table.add(added);
          model.set(one, added);
        } else if (!adds) {
          assert.equal(table.delete(known ?? stream(one)), known !== undefined);
          model.delete(one);
        }
        assert.equal(table.get(one), model.get(one));
      }
      assert.equal(table.size, model.size);
      for (const [key, value] of model) assert.equal(table.get(key), value);
      assert.deepEqual(new Set(table.all()), new Set(model.values()));
    }),
  );
});
