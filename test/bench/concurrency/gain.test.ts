// What one thread and two workers are compared by.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byWorker, gainOf, largestShare } from './gain.ts';

test('two workers that pay as much for a request carry twice as many', () => {
  assert.equal(gainOf(20, 20), 2);
  assert.equal(gainOf(20, 25), 1.6);
});

test('connections of each worker, from the admin page', () => {
  const page = `listener.127.0.0.1_8080.worker_1.downstream_cx_total: 30
listener.127.0.0.1_8080.worker_0.downstream_cx_total: 34
listener.127.0.0.1_8080.downstream_cx_total: 64
`;
  assert.deepEqual(byWorker(page), [34, 30]);
  assert.equal(largestShare([34, 30]), 34 / 64);
});

test('a page without a worker is refused', () => {
  assert.throws(() => byWorker('listener.a.worker_0.downstream_cx_total: 34\n'), /not one figure per worker/);
  assert.throws(() => byWorker('no stats'), /not one figure per worker/);
});
