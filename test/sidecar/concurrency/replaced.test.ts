// A worker that ends is replaced while the others serve; what it had counted stays, what it held is free.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedCounts } from '../../../core/shared-counts.ts';
import { systemClock } from '../../../core/clock.ts';
import { createLogs } from '../../../core/log.ts';
import { until } from '../../../examples/tea-shop/ask.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import { Stats } from '../../../sidecar/telemetry/stats.ts';
import { Workers } from '../../../sidecar/threads/workers.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { bootstrapText } from '../../mesh/proxy.ts';
import { askOften, runInside } from './process.ts';

const TWO = ['--concurrency', '2'];

test('a worker that is ended under load is replaced; only what it had under way is lost', {
  timeout: 120_000,
}, async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const { workers, pages, logged } = await runInside(t, bootstrapText({ origins: { o1: origin.port } }), TWO);
  const port = await pages.port();
  const load = { sent: 0, failed: 0, stop: false };
  const client = async () => {
    for (; !load.stop; await sleep(2)) {
      load.sent++;
      await call(`127.0.0.1:${port}`, '/').then(
        ({ status }) => assert.equal(status, 200),
        () => load.failed++,
      );
    }
  };
  const CLIENTS = 8;
  const clients = Array.from({ length: CLIENTS }, client);
  await sleep(500);
  await pages.get('/stats');
  const before = await pages.stat('http.main.downstream_rq_total');
  const [first] = workers.threads;
  await first?.terminate();
  assert.match(await pages.get('/ready'), /INITIALIZING/);
  const endedAt = performance.now();
  await until('another in its place', async () => (await pages.get('/ready')) === 'LIVE\n');
  t.diagnostic(`replaced after ${Math.round(performance.now() - endedAt)} ms`);
  await sleep(300);
  load.stop = true;
  await Promise.all(clients);

  t.diagnostic(`${load.sent} requests, ${load.failed} lost`);
  // Each client has one request at a time, and those in the queue of the closed socket are lost with it.
  assert.ok(load.failed <= CLIENTS, `${load.failed} lost`);
  assert.equal(await pages.stat('server.worker_restarts'), 1);
  assert.ok(logged.some((line) => line.includes('a worker ended; another takes its place')));
  const total = await pages.stat('http.main.downstream_rq_total');
  assert.ok(total > before && total <= load.sent, `${total} counted of ${load.sent}, ${before} of them before`);
  await until('nothing open', async () => (await pages.stat('http.main.downstream_cx_active')) === 0);
  const count = async () => Promise.all([0, 1].map((i) => pages.stat(`listener.main.worker_${i}.downstream_cx_total`)));
  const [zero = 0, one = 0] = await count();
  await askOften(port, 40);
  const [zeroNow = 0, oneNow = 0] = await count();
  assert.ok(zeroNow > zero && oneNow > one, 'both serve again');
  assert.equal(zeroNow + oneNow, zero + one + 40);
});

test('an error that nobody expected: the worker says what it counted, logged and why, and is replaced', {
  timeout: 120_000,
}, async (t) => {
  const routes = '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi}}}';
  const { workers, pages, logged } = await runInside(t, bootstrapText({ origins: { o1: 1 }, routes }), TWO);
  const port = await pages.port();
  await askOften(port, 20);
  const update = {
    typeUrl: 'nonsense',
    changed: [],
    bytes: new Uint8Array(),
    removed: [],
    complete: false,
    refused: [],
  };
  const [first] = workers.threads;
  first?.tell({ kind: 'update', seq: 0, update, slots: [] });
  await first?.ended;
  assert.equal(await pages.stat('http.main.downstream_rq_total'), 20);
  assert.ok(logged.some((line) => line.includes('nonsense is no type of this program')));
  await until('another in its place', async () => (await pages.get('/ready')) === 'LIVE\n');
  assert.equal(await pages.stat('http.main.downstream_rq_total'), 20);
});

test('the places of a worker that ended in the circuit breakers are free again', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin(() => null);
  t.after(() => origin.close());
  const cluster = { o1: 'circuit_breakers: {thresholds: [{max_requests: 3, track_remaining: true}]}' };
  const { workers, pages } = await runInside(t, bootstrapText({ origins: { o1: origin.port }, cluster }), TWO);
  const port = await pages.port();
  const remaining = () => pages.stat('cluster.o1.circuit_breakers.default.remaining_rq');
  for (let n = 0; n < 3; n++) await (await openClient(port)).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the limit', async () => (await remaining()) === 0);
  for (const thread of workers.threads) await thread.terminate();
  await until('others in their places', async () => (await pages.get('/ready')) === 'LIVE\n');
  assert.equal(await remaining(), 3);
  origin.script = () => answer('ok');
  assert.deepEqual(await askOften(port, 4), ['ok', 'ok', 'ok', 'ok']);
});

/** Workers whose program is a script of the test's. */
function scripted(script: string, count: number, logged: string[] = []): Workers {
  const levels = { root: 'debug', components: new Map() } as const;
  const file = `data:text/javascript,${encodeURIComponent(
    `import { parentPort } from 'node:worker_threads';
     const STATE = { applied: 0, settled: true, missing: [], listeners: [] };
     const say = (message) => parentPort.postMessage(message);
     const live = () => { say({ kind: 'state', state: STATE }); say({ kind: 'started' }); };
     ${script}`,
  )}`;
  return new Workers({
    count,
    file: new URL(file),
    args: [],
    files: new Map(),
    clock: systemClock,
    logs: createLogs({ levels, write: (line) => logged.push(line) }),
    stats: new Stats(),
    fixed: EMPTY_SNAPSHOT,
    connections: new SharedCounts(count, 1),
    current: () => [],
    onLines: () => {},
  });
}

test('a worker that cannot live is tried ever more slowly', { timeout: 60_000 }, async (t) => {
  const workers = scripted('live(); setTimeout(() => process.exit(3), 20);', 1);
  t.after(() => workers.stop(0));
  await workers.start();
  await sleep(3000);
  const restarts = workers.stats.restarts.worker_restarts;
  // Waits of 0.1, 0.3, 0.7, 1.5 s at least, and twice that at most.
  assert.ok(restarts >= 2 && restarts <= 6, `${restarts} in 3 s`);
});

test('one that does not answer is named and not waited for', { timeout: 60_000 }, async (t) => {
  const logged: string[] = [];
  const script = `
    live();
    parentPort.on('message', ({ kind, id, what }) => {
      if (kind === 'stop') process.exit(0);
      if (kind === 'ask' && what === 'busy') say({ kind: 'answer', id, items: [2], last: true });
    });`;
  const workers = scripted(script, 2, logged);
  t.after(() => workers.stop(0));
  await workers.start();
  const before = performance.now();
  assert.deepEqual(await workers.askAll('clusters'), [null, null]);
  assert.ok(performance.now() - before < 2000);
  assert.deepEqual(workers.silent, [0, 1]);
  assert.equal(await workers.active(), 4);
  await workers.figures();
  assert.ok(logged.some((line) => line.includes('"worker":1,"msg":"a worker does not answer')));
});

test('one that cannot start ends the start', { timeout: 60_000 }, async () => {
  const workers = scripted("say({ kind: 'failed', reason: 'no port for me' }); process.exit(1);", 2);
  await assert.rejects(workers.start(), /no port for me/);
  assert.deepEqual(workers.threads, []);
});
