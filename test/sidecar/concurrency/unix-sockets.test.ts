// A Unix socket under several threads: one of them listens, the others serve what comes by ports.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../temp-dir.ts';
import { callPipe, pipeAddress, pipeCluster, startPipeOrigin } from '../../mesh/unix.ts';
import { runInside } from './process.ts';

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = '{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}';

test('one worker listens, and its successor does when it ends', async (t) => {
  const app = await startPipeOrigin(t);
  const listen = join(tempDir(t), 'in.sock');
  const filter = `{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: h, route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}, http_filters: [${ROUTER}]}}`;
  const text = `static_resources:
  listeners:
  - {name: main, address: ${pipeAddress(listen)}, filter_chains: [{filters: [${filter}]}]}
  clusters:
  - ${pipeCluster('up', app)}
`;
  const { workers, pages } = await runInside(t, text, ['--concurrency', '2']);
  for (let n = 0; n < 4; n++) assert.equal((await callPipe(listen)).status, 200);
  assert.equal(await pages.get('/listeners'), `main::${listen}\n`);
  const status = JSON.parse(await pages.get('/listeners?format=json')) as { listener_statuses: unknown };
  assert.deepEqual(status.listener_statuses, [{ name: 'main', local_address: { pipe: { path: listen } } }]);
  assert.match(await pages.get('/clusters'), new RegExp(`^up::${app}::cx_total::`, 'm'));
  assert.match(await pages.get('/config_dump'), new RegExp(`"path": "${listen}"`));
  const [first] = workers.threads;
  await first?.terminate();
  await pages.untilLive();
  assert.equal((await callPipe(listen)).status, 200);
  await workers.stop(0);
  assert.equal(existsSync(listen), false);
});
