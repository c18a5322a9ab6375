// Limits of connections with several workers: counted over all of them, while the admin pages answer, and free
// again when a worker ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../examples/tea-shop/ask.ts';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { bootstrapText } from '../../mesh/proxy.ts';
import { runInside, runSidecar } from './process.ts';

const TWO = ['--concurrency', '2'];
const MOST = 5;
const TRIES = 40;
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const OK = bootstrapText({
  origins: { o1: 1 },
  routes: '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ok}}}',
});
const IN_ALL = `overload_manager:
  resource_monitors:
  - name: connections
    typed_config: {"@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: ${MOST}}
`;
const OF_LISTENER = `layered_runtime: {layers: [{name: limits, static_layer: {envoy.resource_limits.listener.main.connection_limit: ${MOST}}}]}
`;

/** Connections one after another; those that were let in. */
async function letIn(port: number): Promise<RawClient[]> {
  const open: RawClient[] = [];
  for (let n = 0; n < TRIES; n++) {
    const client = await openClient(port);
    await client.send(GET);
    if ((await client.until((text) => text.endsWith('ok'))) !== '') open.push(client);
  }
  return open;
}

for (const [name, top, metric] of [
  ['in all', IN_ALL, 'downstream_global_cx_overflow'],
  ['of a listener', OF_LISTENER, 'downstream_cx_overflow'],
] as const) {
  test(`connections ${name}: the limit holds over both workers, and admin pages answer`, {
    timeout: 120_000,
  }, async (t) => {
    const { pages } = await runSidecar(t, OK + top, TWO);
    const port = await pages.port();
    const open = await letIn(port);
    t.after(() => {
      for (const client of open) client.close();
    });
    assert.equal(open.length, MOST);
    assert.equal(await pages.stat(`listener.main.${metric}`), TRIES - MOST);
    assert.equal(await pages.stat('listener.main.downstream_cx_active'), MOST);
    assert.equal(await pages.get('/ready'), 'LIVE\n');
  });
}

test('what a worker held that ended is free', { timeout: 120_000 }, async (t) => {
  const { workers, pages } = await runInside(t, OK + IN_ALL, TWO);
  const port = await pages.port();
  const open = await letIn(port);
  assert.equal(open.length, MOST);
  const ofFirst = await pages.stat('listener.main.worker_0.downstream_cx_active');
  const busier = ofFirst * 2 > MOST ? 0 : 1;
  const lost = busier === 0 ? ofFirst : MOST - ofFirst;
  await workers.threads.find(({ index }) => index === busier)?.terminate();
  let more = 0;
  await until('the places of the worker that ended', async () => {
    more += (await letIn(port)).length;
    return more >= lost;
  });
  assert.equal(more, lost);
  assert.equal((await letIn(port)).length, 0);
});
