// Circuit breakers counted over several threads, without the threads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../../../sidecar/model/cluster.ts';
import type { CircuitBreaker } from '../../../sidecar/upstream/limits.ts';
import { LimitSlots } from '../../../sidecar/upstream/limit-slots.ts';
import { LimitTable, SharedBreaker } from '../../../sidecar/upstream/shared-limits.ts';
import { WorkerBreakers } from '../../../sidecar/upstream/worker-breakers.ts';

const LIMITS = { ...DEFAULT_LIMITS, maxConnections: 2, maxPendingRequests: 2, maxRequests: 2, maxRetries: 2 };

function pair(table: LimitTable, slot = 0): [CircuitBreaker, CircuitBreaker] {
  return [new SharedBreaker(LIMITS, table, 0, slot, 'default'), new SharedBreaker(LIMITS, table, 1, slot, 'default')];
}

test('what one thread takes, the other one sees', () => {
  const [a, b] = pair(new LimitTable(2, null, 4));
  a.requests++;
  assert.equal(b.mayRequest, true);
  b.requests++;
  assert.deepEqual([a.mayRequest, b.mayRequest], [false, false]);
  assert.deepEqual([a.requests, b.requests], [1, 1], 'each knows its own');
  assert.equal(a.gauges().rqOpen, true);
  assert.deepEqual([a.mayConnect, a.mayWait, a.mayRetry], [true, true, true]);
  a.requests--;
  assert.equal(b.mayRequest, true);
});

test('a limit that changes holds at once, and what is left counts everybody', () => {
  const [a, b] = pair(new LimitTable(2, null, 4));
  a.connections++;
  b.connections++;
  assert.equal(a.mayConnect, false);
  a.replace({ ...LIMITS, maxConnections: 5, trackRemaining: true });
  assert.equal(a.mayConnect, true);
  assert.equal(a.gauges().remaining?.cx, 3);
});

test('a retry budget is a share of what all threads have under way', () => {
  const table = new LimitTable(2, null, 4);
  const limits = { ...LIMITS, retryBudget: { percent: 20, minConcurrency: 1 } };
  const a = new SharedBreaker(limits, table, 0, 0, 'default');
  const b = new SharedBreaker(limits, table, 1, 0, 'default');
  a.retries++;
  assert.equal(b.mayRetry, false);
  for (let n = 0; n < 5; n++) {
    a.requests++;
    b.requests++;
  }
  assert.equal(b.mayRetry, true);
});

test('what a thread held that died is free again, the rest is not', () => {
  const table = new LimitTable(2, null, 4);
  const [a, b] = pair(table, 3);
  a.requests++;
  b.requests++;
  table.clear(1);
  assert.equal(a.mayRequest, true);
  assert.equal(a.requests, 1);
  assert.equal(table.isFree(3), false);
  a.requests--;
  assert.equal(table.isFree(3), true);
});

test('clusters and priorities never count in each other', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          thread: fc.nat(2),
          slot: fc.nat(4),
          high: fc.boolean(),
          count: fc.constantFrom('connections', 'pending', 'requests', 'retries'),
        }),
        { maxLength: 60 },
      ),
      (steps) => {
        const table = new LimitTable(3, null, 5);
        const expected = new Map<string, number>();
        for (const { thread, slot, high, count } of steps) {
          const priority = high ? 'high' : 'default';
          new SharedBreaker(LIMITS, table, thread, slot, priority)[count as 'requests']++;
          const key = `${slot} ${priority} ${count}`;
          expected.set(key, (expected.get(key) ?? 0) + 1);
        }
        for (const [key, total] of expected) {
          const [slot, priority, count] = key.split(' ') as [string, 'default' | 'high', 'requests'];
          const sum = [0, 1, 2].reduce(
            (all, thread) => all + new SharedBreaker(LIMITS, table, thread, Number(slot), priority)[count],
            0,
          );
          assert.equal(sum, total);
        }
      },
    ),
  );
});

test('a place is kept while its cluster is there, and given anew only when nothing is under way', () => {
  const table = new LimitTable(2, null, 2);
  const full: string[] = [];
  const slots = new LimitSlots(table, (name) => full.push(name));
  assert.deepEqual(slots.assign(['a', 'b']), [
    ['a', 0],
    ['b', 1],
  ]);
  assert.deepEqual(slots.assign(['a', 'b']), []);
  const breaker = new SharedBreaker(LIMITS, table, 0, 1, 'high');
  breaker.requests++;
  assert.deepEqual(slots.assign(['a']), [['b', null]]);
  assert.deepEqual(slots.assign(['a', 'c']), [['c', null]], 'the request on b still counts');
  assert.deepEqual(full, ['c']);
  breaker.requests--;
  assert.deepEqual(slots.assign(['a', 'c', 'd']), [['d', 1]]);
  assert.deepEqual(
    new Map(slots.all),
    new Map([
      ['a', 0],
      ['c', null],
      ['d', 1],
    ] as const),
  );
});

test('without a place every thread has its share of the limits', () => {
  const breakers = new WorkerBreakers(new LimitTable(2, null, 2), 0, [
    ['a', 1],
    ['b', null],
  ]);
  const limits = { ...DEFAULT_LIMITS, maxRequests: 5, maxPendingRequests: 0 };
  const b = breakers.make('b', 'default', limits);
  b.requests = 3;
  assert.equal(b.mayRequest, false);
  assert.equal(b.mayWait, false);
  b.replace({ ...limits, maxRequests: 8 });
  assert.equal(b.mayRequest, true);
  assert.ok(breakers.make('a', 'default', limits) instanceof SharedBreaker);
  breakers.change([
    ['a', null],
    ['b', 0],
  ]);
  assert.ok(!(breakers.make('a', 'default', limits) instanceof SharedBreaker));
  assert.ok(breakers.make('b', 'default', limits) instanceof SharedBreaker);
});
