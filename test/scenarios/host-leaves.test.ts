// An endpoint leaves while requests wait for a connection to it: they were let in, so they are answered by it,
// and nothing goes to it afterwards.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { openClient } from '../mesh/client.ts';
import { eventually } from '../mesh/discovery.ts';
import { answer } from '../mesh/origin.ts';
import { makeLeaf, makeRoot, type Pair } from '../mesh/pki.ts';
import { startProxy, type TestProxy } from '../mesh/proxy.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const OVER_TLS = `connect_timeout: 20s
transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}}}`;

/** Speaks TLS, but begins each handshake only when it is let. */
interface HeldOrigin {
  readonly port: number;
  readonly held: Socket[];
  letGo(): void;
  close(): void;
}

let pair: Pair;
const origins: HeldOrigin[] = [];
let proxy: TestProxy | null = null;

before(async () => {
  pair = await makeLeaf(await makeRoot('mesh'), { dns: ['origin'] });
});

after(async () => {
  await proxy?.close();
  for (const origin of origins) origin.close();
});

async function startHeldOrigin(name: string): Promise<HeldOrigin> {
  const held: Socket[] = [];
  const accepted: Socket[] = [];
  const tls = createTlsServer(pair, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answer(name)));
  });
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    held.push(socket);
    accepted.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = {
    port: (server.address() as { port: number }).port,
    held,
    letGo: () => {
      for (const socket of held.splice(0)) tls.emit('connection', socket);
    },
    close: () => {
      for (const socket of accepted) socket.destroy();
      server.close();
    },
  };
  origins.push(origin);
  return origin;
}

test('requests that wait for a connection to an endpoint that leaves are answered', { timeout: 20_000 }, async () => {
  const old = await startHeldOrigin('old');
  const next = await startHeldOrigin('new');
  proxy = await startProxy({ origins: { o1: old.port }, cluster: { o1: OVER_TLS } });
  const clients = await Promise.all([1, 2, 3].map(() => openClient(proxy?.port() ?? 0)));
  await Promise.all(clients.map((client) => client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')));
  await eventually(() => assert.equal(old.held.length, 3));

  proxy.apply({ origins: { o1: next.port }, cluster: { o1: OVER_TLS } });
  old.letGo();
  for (const client of clients) assert.match(await client.until((all) => all.endsWith('old')), /^HTTP\/1\.1 200 /);
  assert.equal(old.held.length, 0, 'no further connection to it');

  const later = await openClient(proxy.port());
  await later.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await eventually(() => assert.equal(next.held.length, 1));
  next.letGo();
  await later.until((all) => all.endsWith('new'));
  assert.equal(old.held.length, 0);
});
