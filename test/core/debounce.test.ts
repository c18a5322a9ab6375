import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debounce } from '../../core/debounce.ts';
import { manualClock } from '../manual-clock.ts';

test('a burst is one call, after quiet; an endless burst is not waited for', () => {
  const clock = manualClock();
  let calls = 0;
  const debounced = debounce(clock, { quietMs: 100, longestMs: 1000 }, () => calls++);
  debounced.poke();
  clock.advance(60);
  debounced.poke();
  clock.advance(99);
  assert.equal(calls, 0);
  clock.advance(1);
  assert.equal(calls, 1);
  for (let i = 0; i < 30; i++) {
    debounced.poke();
    clock.advance(50);
  }
  assert.equal(calls, 2);
  debounced.cancel();
  clock.advance(1000);
  assert.equal(calls, 2);
});
