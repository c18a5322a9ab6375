// A client that is gone at each stage of a request: nothing of it stays, on our side or upstream.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { clusterOf } from './clusters.ts';
import { pour } from './floods.ts';

/** At each stage; a thousand in all. */
const CLIENTS = 75;
const GET = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
const POST = (fields: string) => `POST /silent HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n`;

let origin: Origin;
let proxy: TestProxy;

before(async () => {
  origin = await startOrigin(({ head }, _n, socket) => said(head, socket));
  const limits = 'circuit_breakers: {thresholds: [{max_connections: 1, max_retries: 1000}]}';
  proxy = await startProxy({
    origins: { o1: origin.port },
    cluster: { o1: 'circuit_breakers: {thresholds: [{max_retries: 1000}]}' },
    clusters: clusterOf('one', [origin.port], limits),
    routes: `- {match: {prefix: /one/}, route: {cluster: one, timeout: 0s}}
- match: {prefix: /fail}
  route: {cluster: o1, retry_policy: {retry_on: 5xx, num_retries: 5, retry_back_off: {base_interval: 3600s, max_interval: 3600s}}}
- {match: {prefix: /}, route: {cluster: o1, timeout: 0s}}`,
  });
});

after(async () => {
  await proxy.close();
  await origin.close();
});

function said(head: string, socket: Socket): string | null {
  const path = /^\w+ (\S+)/.exec(head)?.[1] ?? '';
  const begun = 'HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n';
  if (path === '/quick') return answer('ok');
  if (path === '/fail') return answer('no', 'HTTP/1.1 503 No');
  if (path === '/early') return 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n';
  if (path === '/head') return begun;
  if (path === '/part') return `${begun}some of it`;
  if (path === '/flood') {
    socket.write(begun);
    void pour(socket, 100_000_000);
  }
  return null;
}

interface Stage {
  readonly name: string;
  readonly send: string;
  /** The clients, or the proxy, have come so far. */
  readonly reached: (clients: readonly RawClient[]) => boolean;
  /** What the cluster has under way then. */
  readonly paused?: boolean;
}

const heard = (text: string) => (clients: readonly RawClient[]) =>
  clients.every(({ received }) => received.includes(text));
const upstreamActive = () => proxy.stats.cluster('o1').upstream_rq_active === CLIENTS;
let seenBefore = 0;
let backoffsBefore = 0;
/** The bystander's as well. */
const atOrigin = () => origin.seen.length - seenBefore > CLIENTS;
const connected = () => proxy.stats.http('main').downstream_cx_active === CLIENTS;

const STAGES: readonly Stage[] = [
  { name: 'connected', send: '', reached: connected },
  { name: 'within the request line', send: 'GET /sil', reached: connected },
  { name: 'within a field', send: 'GET / HTTP/1.1\r\nhost: a\r\nx-a', reached: connected },
  { name: 'after the head, before a body', send: POST('content-length: 9'), reached: upstreamActive },
  { name: 'within a counted body', send: `${POST('content-length: 9')}half`, reached: upstreamActive },
  { name: 'within a chunk', send: `${POST('transfer-encoding: chunked')}9\r\nhalf`, reached: upstreamActive },
  { name: 'between chunks', send: `${POST('transfer-encoding: chunked')}4\r\nhalf\r\n`, reached: upstreamActive },
  {
    name: 'waiting for a connection',
    send: GET('/one/silent'),
    reached: () => proxy.stats.cluster('one').upstream_rq_pending_active === CLIENTS - 1,
  },
  { name: 'waiting for an answer', send: GET('/silent'), reached: atOrigin },
  {
    name: 'waiting to try again',
    send: GET('/fail'),
    // At least: waits are drawn between nothing and an hour, and one may be over before the last begins.
    reached: () => proxy.stats.cluster('o1').upstream_rq_retry_backoff_exponential - backoffsBefore >= CLIENTS,
  },
  { name: 'after an interim answer', send: GET('/early'), reached: atOrigin },
  { name: 'after the head of the answer', send: GET('/head'), reached: heard('\r\n\r\n') },
  { name: 'within the body of the answer', send: GET('/part'), reached: heard('some of it') },
  {
    name: 'not reading the answer',
    send: GET('/flood'),
    paused: true,
    reached: () => proxy.stats.cluster('o1').upstream_flow_control_paused_reading_total > 0 && atOrigin(),
  },
  {
    name: 'after an answer, with the next request under way',
    send: GET('/quick') + GET('/silent'),
    reached: (clients) => heard('\r\n\r\nok')(clients) && upstreamActive(),
  },
];

/** Everything that counts what is under way. */
function gauges(): Readonly<Record<string, number>> {
  const http = proxy.stats.http('main');
  const of = (name: string) => {
    const { upstream_rq_active, upstream_rq_pending_active } = proxy.stats.cluster(name);
    return upstream_rq_active + upstream_rq_pending_active;
  };
  return {
    connections: http.downstream_cx_active,
    requests: http.downstream_rq_active,
    listener: proxy.runtime.listeners.get('main')?.stats.downstream_cx_active ?? -1,
    o1: of('o1'),
    one: of('one'),
  };
}

const NOTHING = { connections: 0, requests: 0, listener: 0, o1: 0, one: 0 };

for (const { name, send, reached, paused = false } of STAGES) {
  test(`D06 MB: ${CLIENTS} clients reset: ${name}`, { timeout: 30_000 }, async (t) => {
    seenBefore = origin.seen.length;
    backoffsBefore = proxy.stats.cluster('o1').upstream_rq_retry_backoff_exponential;
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openClient(proxy.port())));
    t.after(() => {
      for (const client of clients) client.close();
    });
    for (const { socket } of clients) {
      if (paused) socket.pause();
      if (send !== '') socket.write(send);
    }
    // Whoever asks later is answered later: by then what these sent was read.
    await askOnce();
    await eventually(() => assert.ok(reached(clients), 'the stage was not reached'));
    for (const { socket } of clients) socket.resetAndDestroy();
    await eventually(() => assert.deepEqual(gauges(), NOTHING));
    // What was under way upstream is cancelled there: only connections that rest are left.
    await eventually(() => {
      const open = origin.sockets.filter(({ destroyed }) => !destroyed).length;
      const { o1, one } = { o1: proxy.stats.cluster('o1'), one: proxy.stats.cluster('one') };
      assert.equal(open, o1.upstream_cx_active + one.upstream_cx_active);
    });
  });
}

async function askOnce(): Promise<void> {
  const client = await openClient(proxy.port());
  await client.send(GET('/quick'));
  assert.match(await client.until((all) => all.endsWith('ok')), /^HTTP\/1\.1 200 /);
  client.close();
}

test('D06 L0: after all of them, the next clients are served', async () => {
  await askOnce();
  await askOnce();
  await eventually(() => assert.deepEqual(gauges(), NOTHING));
});
