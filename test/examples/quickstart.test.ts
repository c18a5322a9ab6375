import { test } from 'node:test';
import { playReadme } from './readme.ts';

test('the quickstart does what its README says', { timeout: 120_000 }, (t) => playReadme(t, 'quickstart'));
