// Kept connections that end at the wrong moment, and upstreams that leave in good order.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../mesh/discovery.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { startProxy } from '../../mesh/proxy.ts';
import { clusterOf, retryingRoute } from './clusters.ts';
import { Ledger, type Outcome } from './ledger.ts';
import { TallyHouse } from './processes.ts';

const KEEP_ALIVE_MS = 60;
const LANES = 24;
/** Races that the loop wants to have seen, and when it stops all the same. */
const ENOUGH_RACES = 40;
const MOST_ROUNDS = 150;
/** Steps by which the loop finds the moment. */
const STEP_MS = 0.4;

test('U07 L0: a kept connection that ends as it is used: GETs are answered, nothing else is repeated', async (t) => {
  const house = new TallyHouse(t);
  const origin = await house.start(undefined, { KEEP_ALIVE_MS: String(KEEP_ALIVE_MS) });
  // No retry policy: what is sent again is the kept connection's doing alone.
  const proxy = await startProxy({ origins: { o1: origin.port } });
  t.after(() => proxy.close());
  const cluster = proxy.stats.cluster('o1');
  const ledger = new Ledger(proxy.port());
  const races = () => cluster.upstream_cx_destroy_remote_with_active_rq;
  let wait = KEEP_ALIVE_MS;
  let rounds = 0;
  while (races() < ENOUGH_RACES && rounds++ < MOST_ROUNDS) {
    const opened = cluster.upstream_cx_total;
    await Promise.all(Array.from({ length: LANES }, (_, n) => ledger.send({ method: n % 3 === 0 ? 'POST' : 'GET' })));
    // All reused: too early. All new: too late. In between is the moment.
    wait += cluster.upstream_cx_total - opened < LANES / 2 ? STEP_MS : -STEP_MS;
    await pause(wait + Math.random() * 2 - 1);
  }
  const { sent, good, lost, duplicated, mixed, failed } = await ledger.verdict(house.executed);
  t.diagnostic(
    `${sent} sent in ${rounds} rounds, ${races()} races; ${good} good, ${failed.length} POSTs refused, ${lost} lost, ${duplicated} duplicated, ${mixed} mixed`,
  );
  assert.deepEqual({ lost, duplicated, mixed }, { lost: 0, duplicated: 0, mixed: 0 });
  for (const text of failed) assert.match(text, /^POST 503 upstream connect error or disconnect\/reset before headers/);
  assert.ok(races() > 0, 'the moment was never met');
});

/** Warms a connection, then ends it as told when the next request comes over it. */
async function endedOnReuse(
  t: TestContext,
  method: string,
  how: 'FIN' | 'RST' | 'half a head',
): Promise<{ outcome: Outcome; seen: number }> {
  let warm = 0;
  const origin = await startOrigin(({ head, connection }, _n, socket) => {
    const id = /id=(\w+)/.exec(head)?.[1] ?? '';
    if (warm === 0) warm = connection;
    else if (warm === connection) {
      if (how === 'RST') socket.resetAndDestroy();
      else socket.end(how === 'FIN' ? '' : 'HTTP/1.1 200 O');
      return null;
    }
    return answer(id);
  });
  const proxy = await startProxy({ origins: { o1: origin.port } });
  t.after(() => Promise.all([proxy.close(), origin.close()]));
  const ledger = new Ledger(proxy.port());
  assert.equal((await ledger.send()).kind, 'answered');
  const outcome = await ledger.send({ method });
  await ledger.verdict(new Map());
  return { outcome, seen: origin.seen.length - 1 };
}

for (const how of ['FIN', 'RST'] as const) {
  test(`U07 L0: ${how} in place of an answer on a kept connection: a GET goes out once more, a POST does not`, async (t) => {
    const get = await endedOnReuse(t, 'GET', how);
    assert.equal(get.outcome.kind === 'answered' && get.outcome.status, 200);
    assert.equal(get.seen, 2);
    const post = await endedOnReuse(t, 'POST', how);
    assert.equal(post.outcome.kind === 'answered' && post.outcome.status, 503);
    assert.equal(post.seen, 1);
  });
}

test('U07 L0: bytes of an answer were seen: not even a GET goes out again', async (t) => {
  const { outcome, seen } = await endedOnReuse(t, 'GET', 'half a head');
  assert.equal(outcome.kind === 'answered' && outcome.status, 502);
  assert.equal(seen, 1);
});

test('U16 L0: three upstreams restart one after the other under 200 requests/s', async (t) => {
  const house = new TallyHouse(t);
  const upstreams = [await house.start(), await house.start(), await house.start()];
  const ports = upstreams.map(({ port }) => port);
  // Connections rest for less than an upstream drains: none is left when it goes.
  const idle = `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options: {idle_timeout: 0.4s}
    explicit_http_config: {http_protocol_options: {}}
circuit_breakers: {thresholds: [{max_retries: 100}]}`;
  const proxy = await startProxy({
    origins: {},
    clusters: clusterOf('pool', ports, idle),
    routes: retryingRoute('pool', 2),
  });
  t.after(() => proxy.close());
  const ledger = new Ledger(proxy.port());
  const stop = ledger.steadily(200, (n) => ({
    method: n % 4 === 0 ? 'POST' : 'GET',
    path: n % 10 === 0 ? '/after/100' : '/now',
  }));
  for (const upstream of upstreams) {
    upstream.child.kill('SIGTERM');
    assert.equal(await upstream.exit, 0);
    await house.start(upstream.port);
    await eventually(() => assert.ok(ledger.waiting < 100));
  }
  stop();
  const { sent, good, lost, duplicated, mixed, failed } = await ledger.verdict(house.executed);
  t.diagnostic(`${sent} sent, ${good} good, ${failed.length} failed, ${duplicated} duplicated`);
  assert.deepEqual(
    { good, lost, duplicated, mixed, failed },
    { good: sent, lost: 0, duplicated: 0, mixed: 0, failed: [] },
  );
});
