// What h2load's log says, those who waited included, and when the bench is broken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLog, whoWaited } from './h2load.ts';
import { judge, type RateRow, rateTable } from './verdict.ts';

/** Two of h2load 1.52.0, written by it. */
const WRITTEN = '1795702437378969\t200\t3068\n1795702437379029\t200\t3054\n';

test('a log as h2load writes it', () => {
  const seen = readLog(WRITTEN, 2, 5);
  assert.equal(seen.requests, 2);
  assert.equal(seen.errors, 0);
  assert.equal(seen.p50Ms, 3.054);
  assert.equal(seen.p99Ms, 3.068);
  assert.equal(Math.round(seen.perSecond), 16_667);
});

test('answers that are none, other statuses and requests that are missing count as errors, not as times', () => {
  const seen = readLog('1000\t200\t2000\n3000\t-1\t90000\n5000\t503\t90000\n', 5, 10);
  assert.equal(seen.errors, 4);
  assert.equal(seen.requests, 3);
  assert.equal(seen.p999Ms, 2);
  assert.equal(seen.perSecond, 500);
});

test('what is no log is said', () => {
  assert.throws(() => readLog('connect failed\n', 1, 5), /no line of h2load's log: connect failed/);
  assert.throws(() => readLog('', 1, 5), /no request was answered/);
});

test('one stall counts for all who were due meanwhile', () => {
  assert.deepEqual(whoWaited([4, 5, 17], 5), [12, 7, 2]);
  // 99 quick ones, and one that held up 99 others of its connection.
  const lines = [...Array.from({ length: 99 }, (_, i) => `${i}\t200\t1000`), '99\t200\t500000'].join('\n');
  const seen = readLog(lines, 100, 5);
  assert.equal(seen.asSent.p99Ms, 1);
  assert.equal(seen.p50Ms, 5);
  assert.equal(seen.p99Ms, 495);
});

function row(peer: string, p99Ms: number, more: Partial<RateRow> = {}): RateRow {
  const same = { perSecond: 1000, cpuMicrosPerRequest: 20, p50Ms: 1, p999Ms: 9, sentP99Ms: 2, errors: 0, rounds: [] };
  return { peer, p99Ms, ...same, ...more };
}

test('broken above the p99 of Envoy, below the rate, and with errors', () => {
  assert.deepEqual(judge([row('fairlead', 4), row('nginx', 1), row('envoy', 4)], 1000), []);
  assert.deepEqual(judge([row('nginx', 1), row('envoy', 4)], 1000), []);
  assert.deepEqual(judge([row('fairlead', 4.1), row('envoy', 4)], 1000), ["our p99 of 4.10 ms is above Envoy's 4.00"]);
  assert.deepEqual(judge([row('fairlead', 4, { perSecond: 970, errors: 2 })], 1000), [
    '2 requests through us failed',
    'we carry 970 requests/s of 1000',
  ]);
});

test('the table', () => {
  assert.equal(
    rateTable([row('nginx', 1.5)]).split('\n')[2],
    '| nginx | 1000 | 20.0 | 1.00 | 1.50 | 9.00 | 2.00 | 0 |',
  );
});
