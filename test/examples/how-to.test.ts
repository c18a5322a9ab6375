// The pages of docs/how-to, played word by word.

import { test } from 'node:test';
import { envoyOrSkip, findEnvoy } from '../mesh/envoy.ts';
import { playPage } from './readme.ts';

test('how-to: a stock Envoy on our discovery', { timeout: 180_000, ...envoyOrSkip() }, async (t) => {
  await playPage(t, 'docs/how-to/envoy.md', { envoy: findEnvoy() as string });
});

test('how-to: moving from Envoy', { timeout: 180_000 }, async (t) => {
  await playPage(t, 'docs/how-to/moving-from-envoy.md');
});
