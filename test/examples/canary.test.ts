import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playReadme } from './readme.ts';

/** How many of the 200 answers came from v1. */
function ofFirst(said: string): number {
  return Number(/(\d+) hello-v1/.exec(said)?.[1] ?? 0);
}

test('the canary does what its README says, with the shares that it says', { timeout: 180_000 }, async (t) => {
  const counted = (await playReadme(t, 'canary')).filter((said) => /\d+ hello-v1/.test(said));
  assert.equal(counted.length, 2);
  const [ninety = 0, fifty = 0] = counted.map(ofFirst);
  // Four standard deviations: 4 * sqrt(200 * 0.9 * 0.1) = 17; 4 * sqrt(200 * 0.25) = 28.
  assert.ok(Math.abs(ninety - 180) <= 17, `90/10 gave ${ninety} of 200`);
  assert.ok(Math.abs(fifty - 100) <= 28, `50/50 gave ${fifty} of 200`);
});
