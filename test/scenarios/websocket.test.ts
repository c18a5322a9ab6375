// WebSockets of the `ws` library through the sidecar: 100 MB each way with every byte looked at, through one
// sidecar and through two with mutual TLS and HTTP/2 between them, and to an upstream whose HTTP/2 carries none.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { makeMutualTls, type MutualTls } from '../mesh/mutual-tls.ts';
import { type BootstrapPieces, startProxy, type TestProxy } from '../mesh/proxy.ts';

const UPGRADES = 'upgrade_configs: [{upgrade_type: websocket}]';
const MESSAGE = 1_000_000;
const MESSAGES = 100;
const PLAIN = { perMessageDeflate: false, maxPayload: 2 * MESSAGE };

let mutual: MutualTls;

before(async () => {
  mutual = await makeMutualTls();
});

async function started(t: TestContext, pieces: BootstrapPieces): Promise<TestProxy> {
  const proxy = await startProxy({ hcm: UPGRADES, ...pieces });
  t.after(() => proxy.close());
  return proxy;
}

/** Says everything again, on any server. */
async function echo(t: TestContext, web: Server): Promise<number> {
  const sockets = new WebSocketServer({ ...PLAIN, server: web as ReturnType<typeof createServer> });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => {
      socket.pause();
      socket.send(data, { binary }, () => socket.resume());
    });
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    web.close();
  });
  return (web.address() as AddressInfo).port;
}

async function opened(t: TestContext, port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`, PLAIN);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

async function exchange(socket: WebSocket): Promise<void> {
  const [sent, got] = [createHash('sha256'), createHash('sha256')];
  let back = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (data: Buffer) => {
    got.update(data);
    back += data.length;
    if (back === MESSAGE * MESSAGES) resolve();
  });
  for (let i = 0; i < MESSAGES; i++) {
    const message = randomBytes(MESSAGE);
    sent.update(message);
    await new Promise((done) => socket.send(message, done));
  }
  await promise;
  assert.equal(got.digest('hex'), sent.digest('hex'));
  socket.close(4000, 'done');
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  assert.deepEqual([code, reason.toString()], [4000, 'done']);
}

/** What happens on its own, a moment after the client has seen its part. */
async function eventually(good: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !good(); ) {
    assert.ok(Date.now() < end, 'it does not come to be');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('100 MB each way through one sidecar', async (t) => {
  const proxy = await started(t, { origins: { o: await echo(t, createServer()) } });
  await exchange(await opened(t, proxy.port()));
  await eventually(() => proxy.stats.http('main').downstream_cx_upgrades_active === 0);
});

test('100 MB each way through two sidecars with HTTP/2 and mutual TLS between them', async (t) => {
  const inbound = await started(t, {
    origins: { o: await echo(t, createServer()) },
    chain: mutual.chain,
  });
  const outbound = await started(t, {
    origins: { hop: inbound.port() },
    cluster: { hop: mutual.cluster() },
  });
  const sockets = await Promise.all([opened(t, outbound.port()), opened(t, outbound.port())]);
  for (const socket of sockets) await exchange(socket);
  const { stats } = outbound.runtime.clusters.get('hop') ?? assert.fail('no cluster');
  assert.equal(stats.upstream_cx_http1_total, 0);
  assert.equal(inbound.stats.http('main').downstream_cx_upgrades_total, 2);
  await eventually(() => inbound.stats.http('main').downstream_cx_upgrades_active === 0);
});

test('a peer whose HTTP/2 takes no extended CONNECT is asked over HTTP/1.1, where both are allowed', async (t) => {
  const { root, server } = mutual;
  const web = createSecureServer({ cert: server.cert, key: server.key, ca: root.cert, allowHTTP1: true });
  const port = await echo(t, web as unknown as Server);
  for (const alpn of [[], ['h2', 'http/1.1']]) {
    const outbound = await started(t, {
      origins: { hop: port },
      cluster: { hop: mutual.cluster(alpn) },
    });
    for (let i = 0; i < 2; i++) {
      const socket = await opened(t, outbound.port());
      socket.send('hello');
      assert.equal(String((await once(socket, 'message'))[0]), 'hello');
    }
    const { stats, hosts } = outbound.runtime.clusters.get('hop') ?? assert.fail('no cluster');
    assert.deepEqual([stats.upstream_cx_http2_total, stats.upstream_cx_http1_total], [1, 2]);
    assert.equal([...hosts.values()][0]?.stats.rq_error, 0);
  }
});
