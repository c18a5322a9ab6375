import { test } from 'node:test';
import { playReadme } from './readme.ts';

test('the proxyless gRPC example does what its README says', { timeout: 180_000 }, async (t) => {
  await playReadme(t, 'grpc-proxyless');
});
