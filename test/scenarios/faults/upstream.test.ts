// Faults of upstreams: killed, reset, half-closed, silent, slow, full, all gone. The rows of the catalogue
// (README.md) by their ids.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { startRelay } from '../../mesh/relay.ts';
import { clusterOf, retryingRoute } from './clusters.ts';
import { Ledger } from './ledger.ts';
import { runProgram, TallyHouse, untilSaid } from './processes.ts';
import { startTally } from './tally.ts';

/** Envoy's default of three retries at a time is for another row (U18). */
const MANY_RETRIES = 'circuit_breakers: {thresholds: [{max_retries: 100}]}';

async function proxyTo(t: TestContext, pieces: BootstrapPieces): Promise<TestProxy> {
  const proxy = await startProxy(pieces);
  t.after(() => proxy.close());
  return proxy;
}

async function relayTo(t: TestContext, port: number) {
  const relay = await startRelay(port);
  t.after(() => relay.close());
  return relay;
}

async function tallyFor(t: TestContext) {
  const tally = await startTally();
  t.after(() => tally.close());
  return tally;
}

test('U01 L0: kill -9 before the head of the answer: what may be repeated goes elsewhere', async (t) => {
  const house = new TallyHouse(t);
  const [first, second] = [await house.start(), await house.start()];
  const proxy = await proxyTo(t, {
    origins: {},
    clusters: clusterOf('pool', [first.port, second.port], MANY_RETRIES),
    routes: retryingRoute('pool', 2),
  });
  const ledger = new Ledger(proxy.port());
  for (let n = 0; n < 40; n++) void ledger.send({ path: '/after/400', method: n % 3 === 0 ? 'POST' : 'GET' });
  // Each has half of them by now, and has answered none.
  await eventually(() => assert.equal(house.executed.size, 40));
  first.child.kill('SIGKILL');
  const { lost, mixed, duplicated, failed, good } = await ledger.verdict(house.executed);
  t.diagnostic(`40 sent, ${good} good, ${failed.length} failed, ${duplicated} duplicated`);
  assert.deepEqual({ lost, mixed, duplicated }, { lost: 0, mixed: 0, duplicated: 0 });
  assert.equal(good + failed.length, 40);
  assert.ok(failed.length > 0);
  for (const text of failed) assert.match(text, /^POST 503 upstream connect error or disconnect\/reset before headers/);
});

test('U02 L0: kill -9 in the middle of a body: never a clean end', async (t) => {
  const house = new TallyHouse(t);
  const origin = await house.start();
  const proxy = await proxyTo(t, { origins: { o1: origin.port } });
  const clients = await Promise.all(
    ['/half/2000', '/halves'].map(async (path) => {
      const client = await openClient(proxy.port());
      await client.send(`GET ${path}?id=1 HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.until((all) => all.includes('x'.repeat(1000)));
      return client;
    }),
  );
  origin.child.kill('SIGKILL');
  const [counted, chunked] = (await Promise.all(clients.map((client) => client.ended()))) as [string, string];
  assert.match(counted, /content-length: 2000\r\n[\s\S]*\r\n\r\nx{1000}$/);
  assert.match(chunked, /transfer-encoding: chunked\r\n/);
  assert.ok(!chunked.endsWith('0\r\n\r\n'), 'a cut body ended as if it were whole');
});

test('U03 L0: RST on connect, during the request, during the answer, and while idle', async (t) => {
  const tally = await tallyFor(t);
  const relay = await relayTo(t, tally.port);
  const proxy = await proxyTo(t, {
    origins: {},
    clusters: clusterOf('pool', [relay.port]),
    routes: retryingRoute('pool', 1),
  });
  const ledger = new Ledger(proxy.port());
  const { stats } = proxy;

  // On connect, and before the request is whole: once, then the way is free.
  for (const at of [0, 10]) {
    relay.each((link) => link.reset());
    await eventually(() => assert.equal(stats.cluster('pool').upstream_cx_active, 0));
    const before = relay.taken;
    relay.cutAfter('up', at, (link) => {
      relay.heal();
      link.reset();
    });
    assert.equal((await ledger.send()).kind, 'answered');
    assert.equal(relay.taken, before + 2);
  }
  // A connection that rests is dropped silently: the next request does not notice.
  await ledger.send();
  await eventually(() => assert.equal(stats.cluster('pool').upstream_cx_active, 1));
  relay.each((link) => link.reset());
  await eventually(() => assert.equal(stats.cluster('pool').upstream_cx_active, 0));
  assert.equal((await ledger.send({ method: 'POST' })).kind, 'answered');
  const { sent, good, lost, mixed, duplicated, failed } = await ledger.verdict(tally.executed);
  assert.deepEqual(
    { good, lost, mixed, duplicated, failed },
    { good: sent, lost: 0, mixed: 0, duplicated: 0, failed: [] },
  );

  // In the middle of the answer: what went down cannot be taken back, and is not ended cleanly.
  relay.each((link) => link.reset());
  relay.cutAfter('down', 300, (link) => link.reset());
  const client = await openClient(proxy.port());
  await client.send('GET /half/2000?id=x HTTP/1.1\r\nhost: a\r\n\r\n');
  const received = await client.ended();
  assert.ok(received === '' || /^HTTP\/1\.1 (200|503) /.test(received));
  if (received.startsWith('HTTP/1.1 200')) assert.ok((received.split('\r\n\r\n')[1] ?? '').length < 2000);
});

test('U04 L0: a half-close after the request, or after the answer', async (t) => {
  const origin = await startOrigin((_request, _n, socket) => {
    socket.end(answer('bye'));
    return null;
  });
  t.after(() => origin.close());
  const proxy = await proxyTo(t, { origins: { o1: origin.port } });
  // The upstream ends its side with the answer: delivered, and the next request goes over another connection.
  for (let n = 1; n <= 3; n++) {
    const client = await openClient(proxy.port());
    await client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    assert.match(await client.until((all) => all.endsWith('bye')), /^HTTP\/1\.1 200 /);
    client.close();
    assert.equal(origin.sockets.length, n);
  }
  // The upstream ends its side before the answer: that is the end of the exchange, said as such.
  origin.script = (_request, _n, socket) => {
    socket.end();
    return null;
  };
  const refused = await openClient(proxy.port());
  await refused.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(await refused.until((all) => all.includes('\r\n\r\n')), /^HTTP\/1\.1 503 /);
  refused.close();
});

/** A port whose line of connections that wait to be accepted is full: more of them hear nothing at all. */
async function silentPort(t: TestContext): Promise<number> {
  const program = `
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write('port ' + server.address().port + '\\n'));`;
  const frozen = runProgram(t, ['-e', program]);
  await untilSaid(frozen, '\n');
  const port = Number(/port (\d+)/.exec(frozen.said())?.[1]);
  frozen.child.kill('SIGSTOP');
  // The system completes a few handshakes for a program that does not accept them; then it is silent.
  for (let taken = true; taken; ) {
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    t.after(() => socket.destroy());
    taken = await Promise.race([once(socket, 'connect').then(() => true), pause(200).then(() => false)]);
  }
  return port;
}

test('U05 TB: a black hole on connect: the connect timeout, then the next endpoint', async (t) => {
  const tally = await tallyFor(t);
  const hole = await silentPort(t);
  const proxy = await proxyTo(t, {
    origins: {},
    clusters: clusterOf(
      'pool',
      [hole, tally.port],
      'connect_timeout: 0.25s\ncircuit_breakers: {thresholds: [{max_retries: 100}]}',
    ),
    routes: retryingRoute('pool', 1),
  });
  const ledger = new Ledger(proxy.port());
  await ledger.inTurn(10, 20, (n) => (n % 2 === 0 ? {} : { method: 'POST' }));
  const { sent, good, failed, lost, mixed, duplicated } = await ledger.verdict(tally.executed);
  const { upstream_cx_connect_timeout: timeouts } = proxy.stats.cluster('pool');
  t.diagnostic(`${sent} sent, ${good} good, ${timeouts} connect timeouts`);
  assert.deepEqual(
    { good, failed, lost, mixed, duplicated },
    { good: 20, failed: [], lost: 0, mixed: 0, duplicated: 0 },
  );
  assert.ok(timeouts > 0);
});

test('U06 TB: a black hole in the middle of the answer: the idle limit or the timeout ends it', async (t) => {
  const tally = await tallyFor(t);
  const relay = await relayTo(t, tally.port);
  const limits = { idle: 'idle_timeout: 0.3s, timeout: 0s', whole: 'timeout: 0.3s' };
  const proxy = await proxyTo(t, {
    origins: {},
    clusters: clusterOf('pool', [relay.port]),
    routes: Object.entries(limits)
      .map(
        ([name, more]) => `- {match: {prefix: /${name}}, route: {cluster: pool, prefix_rewrite: /half/2000, ${more}}}`,
      )
      .join('\n'),
  });
  for (const name of ['idle', 'whole']) {
    relay.cutAfter('down', 700, (link) => link.swallow());
    const client = await openClient(proxy.port());
    await client.send(`GET /${name}?id=1 HTTP/1.1\r\nhost: a\r\n\r\n`);
    const received = await client.ended();
    assert.match(received, /^HTTP\/1\.1 200 [\s\S]*x$/, name);
    assert.ok(received.length < 2000, 'less than was announced');
  }
  // And one that is silent before anything of the answer is a timeout that says so.
  relay.swallow('down');
  const client = await openClient(proxy.port());
  await client.send('GET /whole?id=1 HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(await client.until((all) => all.endsWith('timeout')), /^HTTP\/1\.1 504 /);
  client.close();
  const cluster = proxy.stats.cluster('pool');
  await eventually(() => assert.deepEqual([cluster.upstream_rq_active, cluster.upstream_cx_active], [0, 0]));
});

test('U14 TB: nobody there, nobody listed, everybody ejected: 503 at once', async (t) => {
  const tally = await tallyFor(t);
  const [closed] = await freePorts(1);
  const detection = (most: number) =>
    `outlier_detection: {consecutive_gateway_failure: 1, enforcing_consecutive_gateway_failure: 100, consecutive_5xx: 1, max_ejection_percent: ${most}, base_ejection_time: 60s}`;
  const noPanic = 'common_lb_config: {healthy_panic_threshold: {value: 0}}';
  const proxy = await proxyTo(t, {
    origins: {},
    clusters: [
      clusterOf('down', [closed as number]),
      clusterOf('empty', []),
      clusterOf('ejected', [tally.port], `${detection(100)}\n${noPanic}`),
      clusterOf('panicking', [tally.port], detection(100)),
    ].join('\n'),
    routes: ['down', 'empty', 'ejected', 'panicking']
      .map((name) => `- {match: {prefix: /${name}}, route: {cluster: ${name}, prefix_rewrite: /fail}}`)
      .join('\n'),
  });
  const answers = {
    down: [503, /remote connection failure/],
    empty: [503, /^no healthy upstream$/],
    ejected: [503, /^no healthy upstream$/],
  } as const;
  await call(`127.0.0.1:${proxy.port()}`, '/ejected?id=1');
  for (const [name, [status, words]] of Object.entries(answers)) {
    const took: number[] = [];
    for (let n = 0; n < 10; n++) {
      const began = performance.now();
      const { status: got, body } = await call(`127.0.0.1:${proxy.port()}`, `/${name}?id=1`);
      took.push(performance.now() - began);
      assert.equal(got, status);
      assert.match(body, words);
    }
    t.diagnostic(`${name}: the quickest after ${Math.min(...took).toFixed(1)} ms`);
    assert.ok(Math.min(...took) < 50, `${name} took ${took.join(', ')} ms`);
  }
  // With a panic threshold, hosts that are all ejected are better than none: they are asked.
  for (let n = 0; n < 3; n++)
    assert.equal((await call(`127.0.0.1:${proxy.port()}`, `/panicking?id=p${n}`)).body, `p${n}`);
});
