import { test } from 'node:test';
import { playReadme } from './readme.ts';

test('the quickstart does what its README says', { timeout: 180_000 }, async (t) => {
  await playReadme(t, 'quickstart');
});
