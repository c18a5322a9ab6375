// http_inspector and the time it has: Envoy's default, none, and what becomes of a client whose time is over.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { manualClock } from '../../manual-clock.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { dialTcp, tcpBootstrap, tcpCluster, tcpFilter } from '../../mesh/tcp.ts';
import { tcpOrigin } from '../../mesh/tcp-story.ts';

const INSPECTOR =
  'listener_filters: [{name: http, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}]';

/** A client that has connected and is being looked at. */
async function silentClient(t: TestContext, fields: string) {
  const clock = manualClock();
  const origin = await tcpOrigin(t, (peer) => peer.say('220 tea'));
  const text = tcpBootstrap({
    chains: [`filters: [${tcpFilter('cluster: a')}]`],
    clusters: [tcpCluster('a', [origin.port])],
    listener: `stat_prefix: main, ${INSPECTOR}${fields}`,
  });
  const proxy = await startProxy(text, { clock });
  t.after(() => proxy.close());
  const client = await dialTcp(proxy.port());
  t.after(() => client.socket.destroy());
  const stats = proxy.stats.listener('main');
  await eventually(() => assert.equal(stats.downstream_pre_cx_active, 1));
  return { clock, client, stats, proxy };
}

test('15 s, and then the connection ends', async (t) => {
  const { clock, client, stats } = await silentClient(t, '');
  clock.advance(14_999);
  assert.equal(stats.downstream_pre_cx_timeout, 0);
  clock.advance(1);
  assert.equal(stats.downstream_pre_cx_timeout, 1);
  await client.end();
  client.socket.end();
  assert.equal(client.heard, '');
});

test('or it goes on as one of which nothing is known', async (t) => {
  const { clock, client, stats, proxy } = await silentClient(t, ', continue_on_listener_filters_timeout: true');
  client.say('GE');
  clock.advance(15_000);
  assert.equal(await client.hears('220 tea'), '220 tea');
  assert.deepEqual([stats.downstream_pre_cx_timeout, stats.downstream_pre_cx_active], [1, 0]);
  assert.equal(proxy.stats.httpInspector().http_not_found, 0);
});

test('0 is no limit', async (t) => {
  const { clock, client, stats } = await silentClient(t, ', listener_filters_timeout: 0s');
  clock.advance(24 * 3_600_000);
  assert.deepEqual([stats.downstream_pre_cx_timeout, stats.downstream_pre_cx_active], [0, 1]);
  client.say('x');
  assert.equal(await client.hears('220 tea'), '220 tea');
});

test('a listener that begins to look counts from then on', async (t) => {
  const origin = await tcpOrigin(t, (peer) => peer.say('220 tea'));
  const text = (listener: string) =>
    tcpBootstrap({
      chains: [`filters: [${tcpFilter('cluster: a')}]`],
      clusters: [tcpCluster('a', [origin.port])],
      listener,
    });
  const proxy = await startProxy(text('stat_prefix: main'));
  t.after(() => proxy.close());
  proxy.apply(text(`stat_prefix: main, ${INSPECTOR}`));
  const client = await dialTcp(proxy.port());
  client.say('GET / HTTP/1.1\r\n');
  assert.equal(await client.hears('220 tea'), '220 tea');
  assert.equal(proxy.stats.httpInspector().http11_found, 1);
  client.socket.destroy();
});
