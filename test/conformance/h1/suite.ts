// Groups of the corpus as a suite of tests against our own sidecar: a test for each entry, as many at a
// time as there are lanes.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Entry, Group } from './entry.ts';
import { LanePool } from './lane-pool.ts';
import { type Lanes, startOurs } from './ours.ts';
import type { Lane } from './play.ts';
import { runEntry } from './run.ts';

const LANES = 12;

export function suite(groups: readonly Group[]): void {
  let ours: Lanes;
  let pool: LanePool<Lane>;
  before(async () => {
    ours = await startOurs(LANES);
    pool = new LanePool(ours.lanes);
  });
  after(() => ours.close());
  // All at once: an entry that waits for something leaves the processor to the others.
  describe('through our sidecar', { concurrency: true }, () => {
    for (const { name, entries } of groups) {
      describe(name, { concurrency: true }, () => {
        for (const entry of entries) it(`${entry.id} ${entry.means}`, () => passes(entry));
      });
    }
  });

  async function passes(entry: Entry): Promise<void> {
    assert.equal(await pool.with((lane) => runEntry(lane, entry, { strict: true })), null);
  }
}
