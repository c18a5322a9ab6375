// The TCP proxy over real sockets: bytes both ways, each kind of end, what is counted and what is logged. The
// lines are those that Envoy writes for the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../manual-clock.ts';
import { deadPort, type Peer, tcpCluster } from '../../mesh/tcp.ts';
import { tcpOrigin, tcpStory } from '../../mesh/tcp-story.ts';

const stats = (story: Awaited<ReturnType<typeof tcpStory>>) => story.proxy.stats.tcp('p');

test('bytes pass both ways, and the end of one side is the end of the other after all bytes', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const { client, server } = await story.pair();
  client.say('question');
  assert.equal(await server.hears('question'), 'question');
  client.socket.end(' and end');
  await server.end();
  assert.equal(server.heard, 'question and end');
  // The other direction goes on for as long as it likes.
  server.say('first ');
  assert.equal(await client.hears('first '), 'first ');
  assert.equal(client.ended, false);
  server.socket.end('last');
  await client.gone();
  assert.equal(client.heard, 'first last');
  assert.deepEqual(await story.log(1), ['- 16 10 a 1 Normal Normal -']);
  const { downstream_cx_total, downstream_cx_rx_bytes_total, downstream_cx_tx_bytes_total } = stats(story);
  assert.deepEqual([downstream_cx_total, downstream_cx_rx_bytes_total, downstream_cx_tx_bytes_total], [1, 16, 10]);
});

test('the server ends first: the client may still speak', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const { client, server } = await story.pair();
  server.socket.end('bye');
  await client.end();
  assert.equal(client.heard, 'bye');
  client.socket.end('and I say more');
  await server.gone();
  assert.equal(server.heard, 'and I say more');
  assert.deepEqual(await story.log(1), ['- 14 3 a 1 Normal Normal -']);
  const upstream = story.proxy.stats.cluster('a');
  assert.deepEqual([upstream.upstream_cx_destroy_local, upstream.upstream_cx_destroy_remote], [1, 0]);
});

test('a server that speaks first is heard by a client that says nothing', async (t) => {
  const origin = await tcpOrigin(t, (peer) => peer.say('220 ready'));
  const story = await tcpStory(t, origin);
  const client = await story.client();
  assert.equal(await client.hears('220 ready'), '220 ready');
});

test('a reset of the client is a reset at the server', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const { client, server } = await story.pair();
  client.say('x');
  await server.hears('x');
  client.socket.resetAndDestroy();
  await server.gone();
  assert.equal(server.reset, true);
  assert.deepEqual(await story.log(1), ['- 1 0 a 1 RemoteReset Normal -']);
});

test('a reset of the server is a reset at the client', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const { client, server } = await story.pair();
  client.say('x');
  await server.hears('x');
  server.socket.resetAndDestroy();
  await client.gone();
  assert.equal(client.reset, true);
  assert.deepEqual(await story.log(1), ['UR 1 0 a 1 LocalReset RemoteReset -']);
  assert.equal(story.proxy.stats.cluster('a').upstream_cx_destroy_remote_with_active_rq, 1);
});

test('nobody listens: as many attempts as are allowed, then the connection ends', async (t) => {
  const port = await deadPort();
  const story = await tcpStory(t, null, {
    fields: 'cluster: a, max_connect_attempts: 3',
    clusters: [tcpCluster('a', [port])],
  });
  const client = await story.client();
  await client.end();
  assert.deepEqual(await story.log(1), ['URX,UF 0 0 a 3 Normal Normal tcp_initialization_failure']);
  const upstream = story.proxy.stats.cluster('a');
  assert.equal(upstream.upstream_cx_connect_fail, 3);
  assert.equal(upstream.upstream_cx_connect_attempts_exceeded, 1);
  assert.equal(upstream.upstream_cx_active, 0);
  assert.equal(upstream.upstream_rq_pending_active, 0);
});

test('refused by one host, a connection goes to the next', async (t) => {
  const origin = await tcpOrigin(t, (peer) => peer.say('here'));
  const story = await tcpStory(t, origin, {
    fields: 'cluster: a, max_connect_attempts: 2',
    clusters: [tcpCluster('a', [await deadPort(), origin.port])],
  });
  // One after the other: whoever fails takes the next turn of the hosts.
  for (let n = 0; n < 2; n++) {
    const client = await story.client();
    assert.equal(await client.hears('here'), 'here');
    client.socket.end();
    (await origin.next()).socket.end();
  }
  const lines = await story.log(2);
  assert.ok(lines.includes('UF 0 4 a 2 Normal Normal -'), lines.join('\n'));
  assert.ok(story.proxy.stats.cluster('a').upstream_cx_connect_fail >= 1);
});

test('no cluster, no host, no place', async (t) => {
  const origin = await tcpOrigin(t);
  const none = await tcpStory(t, origin, { fields: 'cluster: b' });
  await (await none.client()).end();
  assert.deepEqual(await none.log(1), ['NC 0 0 - 0 Normal - tcp_initialization_failure']);
  assert.equal(stats(none).downstream_cx_no_route, 1);

  const empty = await tcpStory(t, null);
  await (await empty.client()).end();
  assert.deepEqual(await empty.log(1), ['UH 0 0 a 0 Normal - tcp_initialization_failure']);
  assert.equal(empty.proxy.stats.cluster('a').upstream_cx_none_healthy, 1);

  const full = await tcpStory(t, origin, {
    clusters: [tcpCluster('a', [origin.port], 'circuit_breakers: {thresholds: [{max_connections: 1}]}')],
  });
  const { client, server } = await full.pair();
  await (await full.client()).end();
  assert.deepEqual(await full.log(1), ['UO 0 0 a 0 Normal - tcp_initialization_failure']);
  assert.equal(full.proxy.stats.cluster('a').upstream_cx_overflow, 1);
  client.socket.end();
  server.socket.end();
  await client.gone();
  await full.log(2);
  // The place is free again.
  client.socket.destroy();
  await full.pair();
});

test('without a byte for the idle timeout a connection ends; a byte either way keeps it', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { fields: 'cluster: a, idle_timeout: 10s', clock });
  const { client, server } = await story.pair();
  clock.advance(9_000);
  client.say('a');
  await server.hears('a');
  clock.advance(9_000);
  server.say('b');
  await client.hears('b');
  clock.advance(9_999);
  assert.equal(story.proxy.runtime.activeRequests, 1);
  clock.advance(2);
  assert.equal(story.proxy.runtime.activeRequests, 0);
  await Promise.all([client.end(), server.end()]);
  assert.equal(stats(story).idle_timeout, 1);
  assert.equal(clock.pending, 0);
});

test('a connection is not older than it may be', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { fields: 'cluster: a, max_downstream_connection_duration: 10s', clock });
  const { client, server } = await story.pair();
  for (let n = 0; n < 9; n++) {
    clock.advance(1_000);
    client.say('a');
    await server.hears('a'.repeat(n + 1));
  }
  assert.equal(stats(story).max_downstream_connection_duration, 0);
  clock.advance(1_000);
  await Promise.all([client.end(), server.end()]);
  assert.equal(stats(story).max_downstream_connection_duration, 1);
});

test('weights say how often a cluster is chosen', async (t) => {
  const draws = [0, 0.74, 0.75, 0.99];
  const said = new Map<string, Peer[]>();
  const greet = (name: string) => (peer: Peer) => {
    said.set(name, [...(said.get(name) ?? []), peer]);
    peer.say(name);
  };
  const [a, b] = [await tcpOrigin(t, greet('a')), await tcpOrigin(t, greet('b'))];
  let at = 0;
  const clock = { ...manualClock(), random: () => draws[at] as number };
  const story = await tcpStory(t, null, {
    fields: 'weighted_clusters: {clusters: [{name: a, weight: 3}, {name: b, weight: 1}]}',
    clusters: [tcpCluster('a', [a.port]), tcpCluster('b', [b.port])],
    clock,
  });
  const heard: string[] = [];
  for (; at < draws.length; at++) heard.push(await (await story.client()).hears('a'));
  assert.deepEqual(heard, ['a', 'a', 'b', 'b']);
});

/** Connected, but never ready: its handshake gets no answer. */
const HANDSHAKING =
  'connect_timeout: 5s, transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}';

test('a client that goes while the upstream is being connected', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { clusters: [tcpCluster('a', [origin.port], HANDSHAKING)] });
  const { client, server } = await story.pair();
  client.socket.resetAndDestroy();
  await server.end();
  assert.deepEqual(await story.log(1), ['- 0 0 a 1 Normal Normal -']);
  const upstream = story.proxy.stats.cluster('a');
  assert.equal(upstream.upstream_rq_cancelled, 1);
  assert.equal(upstream.upstream_cx_active, 0);
  assert.equal(story.proxy.runtime.activeRequests, 0);
});

test('an upstream that is not there in time', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { clusters: [tcpCluster('a', [origin.port], HANDSHAKING)], clock });
  const { client, server } = await story.pair();
  clock.advance(4_999);
  assert.equal(story.proxy.stats.cluster('a').upstream_cx_connect_timeout, 0);
  clock.advance(2);
  await Promise.all([client.end(), server.end()]);
  assert.deepEqual(await story.log(1), ['URX,UF 0 0 a 1 Normal Normal tcp_initialization_failure']);
  assert.equal(story.proxy.stats.cluster('a').upstream_cx_connect_timeout, 1);
});

test('lines while the connection is open: when it is connected, and from time to time', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, {
    fields: 'cluster: a, access_log_options: {access_log_flush_interval: 5s, flush_access_log_on_connected: true}',
    format: '%ACCESS_LOG_TYPE% %BYTES_RECEIVED%',
    clock,
  });
  const { client, server } = await story.pair();
  client.say('abc');
  await server.hears('abc');
  clock.advance(5_000);
  client.socket.resetAndDestroy();
  await server.gone();
  assert.deepEqual(await story.log(3), ['TcpUpstreamConnected 0', 'TcpPeriodic 3', 'TcpConnectionEnd 3']);
});

test('a chain that was replaced lets its connections live for the drain time', async (t) => {
  const clock = manualClock();
  const origin = await tcpOrigin(t, (peer) => peer.say('x'));
  const story = await tcpStory(t, origin, { clock, drainTimeMs: 30_000 });
  const { client, server } = await story.pair();
  const [listener] = [...story.proxy.runtime.listeners.values()];
  assert.ok(listener);
  listener.stop();
  client.say('still here');
  await server.hears('still here');
  clock.advance(29_999);
  assert.equal(story.proxy.runtime.activeRequests, 1);
  clock.advance(2);
  await Promise.all([client.end(), server.end()]);
});
