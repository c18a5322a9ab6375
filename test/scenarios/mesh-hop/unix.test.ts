// A service beside its sidecar that listens at a Unix socket alone: callers in the mesh do not notice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from '../../mesh/call.ts';
import { runMeshPair } from '../../mesh/mesh-pair.ts';
import { startPipeOrigin } from '../../mesh/unix.ts';

test('an application at a Unix socket is called as any other', async (t) => {
  const app = await startPipeOrigin(t);
  const { web, shop } = await runMeshPair(t, 9000, { appAddress: `unix:${app}` });
  const answer = await call(`127.0.0.1:${web.outbound}`, '/', { host: 'shop' });
  assert.equal(answer.status, 200);
  assert.equal((JSON.parse(answer.body) as { host: string }).host, 'shop');
  assert.equal(await shop.pages.stat('cluster.inbound|9000||.upstream_cx_http1_total'), 1);
  assert.match(await shop.pages.get('/clusters'), new RegExp(`^inbound\\|9000\\|\\|::${app}::`, 'm'));
});
