// What upstreams answer over HTTP/2, right and wrong, cut in every way: what clients of both versions get of it, and
// what the upstream is told (rows R, and X as far as they concern answers).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LanePool } from '../h1/lane-pool.ts';
import { type AnswerLane, closeAnswerLane, runAnswer, startAnswerLane } from './answer-play.ts';
import { ANSWER_FAULTS, ANSWERS, type AnswerRow } from './rows/answers.ts';

const LANES = 12;

describe('answers over HTTP/2', { concurrency: true }, () => {
  let lanes: AnswerLane[] = [];
  let pool: LanePool<AnswerLane>;
  before(async () => {
    lanes = await Promise.all(Array.from({ length: LANES }, startAnswerLane));
    pool = new LanePool(lanes);
  });
  after(() => Promise.all(lanes.map(closeAnswerLane)));

  const group = (name: string, rows: readonly AnswerRow[], version: 1 | 2) =>
    describe(`${name}, to a client of HTTP/${version}`, { concurrency: true }, () => {
      for (const row of rows)
        it(`${row.id} ${row.means}`, async () =>
          assert.equal(await pool.with((lane) => runAnswer(lane, row, version)), null));
    });
  for (const version of [1, 2] as const) {
    group('messages', ANSWERS, version);
    group('connections', ANSWER_FAULTS, version);
  }
});
