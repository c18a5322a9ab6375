// The same as Date gives, on every day of a cycle of the calendar and at any millisecond.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isoTime } from '../../core/iso-time.ts';

const DAY_MS = 86_400_000;

test('every day of 400 years', () => {
  const first = Date.UTC(1801, 0, 1);
  for (let day = 0; day <= 146_097; day++) {
    const at = first + day * DAY_MS + ((day * 7919) % DAY_MS);
    assert.equal(isoTime(at), new Date(at).toISOString());
  }
});

test('any millisecond of the years 0 to 9999, fractions cut off', () => {
  const range = { min: Date.UTC(0, 0, 1) - 1900 * 365 * DAY_MS, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) };
  fc.assert(
    fc.property(fc.integer(range), fc.double({ min: 0, max: 0.5, noNaN: true }), (ms, fraction) => {
      assert.equal(isoTime(ms + fraction), new Date(Math.floor(ms + fraction)).toISOString());
    }),
    { numRuns: 20_000 },
  );
});

test('the same second twice, then another', () => {
  const texts = [1_700_000_000_001, 1_700_000_000_999, 1_700_000_001_000, 1_700_000_000_001].map(isoTime);
  assert.deepEqual(texts, [
    '2023-11-14T22:13:20.001Z',
    '2023-11-14T22:13:20.999Z',
    '2023-11-14T22:13:21.000Z',
    '2023-11-14T22:13:20.001Z',
  ]);
});
