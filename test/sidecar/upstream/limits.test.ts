import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../sidecar/model/cluster.ts';
import { LocalBreaker } from '../../../sidecar/upstream/limits.ts';

test('a limit of 0 refuses even the first, and is not shown as reached', () => {
  const breaker = new LocalBreaker({ ...DEFAULT_LIMITS, maxPendingRequests: 0 });
  assert.equal(breaker.mayWait, false);
  assert.equal(breaker.gauges().pendingOpen, false);
});

test('what is left is shown only when tracked', () => {
  const breaker = new LocalBreaker({ ...DEFAULT_LIMITS, maxRequests: 2, trackRemaining: true });
  breaker.requests = 1;
  assert.deepEqual(breaker.gauges(), {
    cxOpen: false,
    pendingOpen: false,
    rqOpen: false,
    retryOpen: false,
    remaining: { cx: 1024, pending: 1024, rq: 1, retries: 3 },
  });
  breaker.requests = 2;
  assert.equal(breaker.mayRequest, false);
  breaker.replace({ ...DEFAULT_LIMITS, maxRequests: 3 });
  assert.equal(breaker.mayRequest, true);
  assert.equal(breaker.gauges().remaining, null);
});

test('a retry budget is a share of what is under way, never below its floor', () => {
  const breaker = new LocalBreaker({
    ...DEFAULT_LIMITS,
    maxRetries: 0,
    retryBudget: { percent: 20, minConcurrency: 3 },
  });
  breaker.retries = 2;
  assert.equal(breaker.mayRetry, true);
  breaker.retries = 3;
  assert.equal(breaker.mayRetry, false);
  breaker.requests = 15;
  breaker.pending = 5;
  assert.equal(breaker.mayRetry, true);
});
