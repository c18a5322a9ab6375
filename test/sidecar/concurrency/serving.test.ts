// Two workers of a real process: both serve on one port, and what the admin pages show is both together.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, until } from '../../../examples/tea-shop/ask.ts';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { bootstrapText } from '../../mesh/proxy.ts';
import { tempDir } from '../../temp-dir.ts';
import { askOften, runSidecar } from './process.ts';

const TWO = ['--concurrency', '2'];
const TIMES = 40;

test('both workers serve, and figures are their sums', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }), TWO);
  const port = await sidecar.pages.port();
  assert.deepEqual(new Set(await askOften(port, TIMES)), new Set(['ok']));

  const served = await Promise.all(
    [0, 1].map((i) => sidecar.pages.stat(`listener.main.worker_${i}.downstream_cx_total`)),
  );
  assert.ok(
    served.every((count) => count > 0),
    `connections by worker: ${served}`,
  );
  assert.equal(
    served.reduce((sum, count) => sum + count, 0),
    TIMES,
  );
  for (const name of [
    'listener.main.downstream_cx_total',
    'http.main.downstream_rq_total',
    'http.main.downstream_rq_2xx',
    'cluster.o1.upstream_rq_total',
    'cluster.o1.upstream_rq_200',
  ]) {
    assert.equal(await sidecar.pages.stat(name), TIMES, name);
  }
  const prometheus = await sidecar.pages.get('/stats/prometheus');
  assert.match(prometheus, /^envoy_http_downstream_rq_time_count\{envoy_http_conn_manager_prefix="main"\} 40$/m);
  assert.match(prometheus, /^envoy_cluster_upstream_rq_total\{envoy_cluster_name="o1"\} 40$/m);
  assert.match(prometheus, /^envoy_server_concurrency\{\} 2$/m);
  assert.match(prometheus, /^process_cpu_seconds_total /m);
  assert.match(
    await sidecar.pages.get('/clusters'),
    new RegExp(`^o1::127.0.0.1:${origin.port}::rq_total::${TIMES}$`, 'm'),
  );
  assert.match(await sidecar.pages.get('/clusters'), /^o1::added_via_api::false$/m);
  const info = JSON.parse(await sidecar.pages.get('/server_info')) as { command_line_options: { concurrency: number } };
  assert.equal(info.command_line_options.concurrency, 2);
  const dump = JSON.parse(await sidecar.pages.get('/config_dump')) as { configs: object[] };
  assert.equal(dump.configs.length, 5);

  await sidecar.pages.post('/reset_counters');
  assert.equal(await sidecar.pages.stat('http.main.downstream_rq_total'), 0);
  assert.equal(await sidecar.pages.stat('listener.main.worker_0.downstream_cx_total'), 0);
});

test('what is told to the program holds for every worker', { timeout: 120_000 }, async (t) => {
  const routes = '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi}}}';
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: 1 }, routes }), TWO);
  const port = await sidecar.pages.port();

  await sidecar.pages.post('/healthcheck/fail');
  assert.equal(await sidecar.pages.get('/ready'), 'DRAINING\n');
  await until('every answer to end its connection', async () => (await lasting(port, 20)) === 0);
  await sidecar.pages.post('/healthcheck/ok');
  assert.equal(await sidecar.pages.get('/ready'), 'LIVE\n');
  await until('no answer to end its connection', async () => (await lasting(port, 20)) === 20);

  assert.match(await sidecar.pages.post('/logging?runtime=debug'), / {2}runtime: debug\n/);
  assert.match(await sidecar.pages.post('/logging?level=warning'), / {2}runtime: warning\n/);

  assert.equal(await sidecar.pages.post('/drain_listeners'), 'OK\n');
  await until('both to stop listening', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => ask({ port, path: '/' })));
    return tries.every(({ status }) => status === 'rejected');
  });
});

/** Of so many answers, how many leave their connection open. */
async function lasting(port: number, times: number): Promise<number> {
  let count = 0;
  for (let n = 0; n < times; n++) {
    const client = await openClient(port);
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const received = await client.until((all) => all.endsWith('hi'));
    if (!received.includes('connection: close')) count++;
    client.close();
  }
  return count;
}

test('lines of all workers stand whole in one file, and on stdout', { timeout: 120_000 }, async (t) => {
  const LINES = 1000;
  const CLIENTS = 8;
  const format = 'log_format: {text_format_source: {inline_string: "<%REQ(:PATH)%>\\n"}}';
  const routes = '- {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi}}}';
  const loggers = (file: string) => `
access_log:
- name: file
  typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "${file}", ${format}}
- name: stdout
  typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, ${format}}`;
  const file = join(tempDir(t), 'access.log');
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: 1 }, routes, hcm: loggers(file) }), [
    ...TWO,
    '--file-flush-interval-msec',
    '50',
  ]);
  const port = await sidecar.pages.port();
  const paths = Array.from({ length: LINES }, (_, n) => `/${n}/${'x'.repeat(1 + ((n * 37) % 3000))}`);
  const clients: RawClient[] = [];
  for (let n = 0; n < CLIENTS; n++) clients.push(await openClient(port));
  await Promise.all(
    clients.map((client, n) =>
      sendAll(
        client,
        paths.filter((_, i) => i % CLIENTS === n),
      ),
    ),
  );
  for (const client of clients) client.close();
  const expected = paths.map((path) => `<${path}>`).sort();
  const linesOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  await until('every line in the file', async () => linesOf(readFileSync(file, 'utf8')).length >= LINES);
  await until('every line on stdout', async () => linesOf(sidecar.said.stdout).length >= LINES);
  assert.deepEqual(linesOf(readFileSync(file, 'utf8')), expected);
  assert.deepEqual(linesOf(sidecar.said.stdout), expected);
});

async function sendAll(client: RawClient, paths: readonly string[]): Promise<void> {
  let answers = 0;
  for (const path of paths) {
    await client.send(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
    answers++;
    await client.until((all) => all.length > 0 && (all.match(/\r\n\r\nhi/g)?.length ?? 0) >= answers);
  }
}

test('a request limit holds over both workers together', { timeout: 120_000 }, async (t) => {
  const LIMIT = 4;
  const origin = await startOrigin();
  t.after(() => origin.close());
  const release: (() => void)[] = [];
  origin.script = (_request, _n, socket) => {
    release.push(() => socket.write(answer('late')));
    return null;
  };
  const cluster = `circuit_breakers: {thresholds: [{max_requests: ${LIMIT}, track_remaining: true}]}`;
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port }, cluster: { o1: cluster } }), TWO);
  const port = await sidecar.pages.port();
  const remaining = () => sidecar.pages.stat('cluster.o1.circuit_breakers.default.remaining_rq');
  assert.equal(await remaining(), LIMIT);

  // One after another, none is at the same moment as another: the limit holds to the digit.
  const clients: RawClient[] = [];
  for (let n = 0; n < 24; n++) {
    const client = await openClient(port);
    clients.push(client);
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const at = n + 1;
    await until('the request or its refusal', async () => release.length + refused(clients) >= at);
  }
  assert.equal(release.length, LIMIT);
  assert.equal(refused(clients), clients.length - LIMIT);
  assert.equal(await sidecar.pages.stat('cluster.o1.circuit_breakers.default.rq_open'), 1);
  assert.equal(await remaining(), 0);
  const active = await Promise.all(
    [0, 1].map((i) => sidecar.pages.stat(`listener.main.worker_${i}.downstream_cx_active`)),
  );
  assert.ok(
    active.every((count) => count > 0),
    `connections by worker: ${active}`,
  );

  for (const go of release) go();
  await until('what was admitted to end', async () => (await remaining()) === LIMIT);
  assert.equal(await sidecar.pages.stat('cluster.o1.circuit_breakers.default.rq_open'), 0);

  // All at once: each further worker may pass the limit by one.
  release.length = 0;
  const burst = await Promise.all(Array.from({ length: 32 }, () => openClient(port)));
  for (const client of burst) await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('every request or its refusal', async () => release.length + refused(burst) >= burst.length);
  assert.ok(release.length >= LIMIT && release.length <= LIMIT + 1, `admitted: ${release.length}`);
  for (const go of release) go();
  for (const client of [...clients, ...burst]) client.close();
});

function refused(clients: readonly RawClient[]): number {
  return clients.filter(({ received }) => received.startsWith('HTTP/1.1 503')).length;
}
