// What clients send over HTTP/2, right and wrong, cut in every way: what they get, and what an origin of HTTP/1.1
// sees of it (rows D and E).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LanePool } from '../h1/lane-pool.ts';
import { closeLane, type Lane, startLane } from './lanes.ts';
import { runRow } from './play.ts';
import type { Row } from './row.ts';
import { FRAMES } from './rows/frames.ts';
import { MESSAGES } from './rows/messages.ts';

const LANES = 12;

describe('over HTTP/2', { concurrency: true }, () => {
  let lanes: Lane[] = [];
  let pool: LanePool<Lane>;
  before(async () => {
    lanes = await Promise.all(Array.from({ length: LANES }, startLane));
    pool = new LanePool(lanes);
  });
  after(() => Promise.all(lanes.map(closeLane)));

  const group = (name: string, rows: readonly Row[]) =>
    describe(name, { concurrency: true }, () => {
      for (const row of rows)
        it(`${row.id} ${row.means}`, async () => assert.equal(await pool.with((lane) => runRow(lane, row)), null));
    });
  group('messages', MESSAGES);
  group('frames', FRAMES);
});
