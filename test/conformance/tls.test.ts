// Who gets in and who is spoken to: every way for a certificate to be wrong, at a strict listener and at an
// upstream. The rule is always the same: not a byte of HTTP before the peer is known to be the right one.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect, type ConnectionOptions, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { FEWEST_HANDSHAKES } from '../../sidecar/upstream/pool.ts';
import { call } from '../mesh/call.ts';
import { openClient } from '../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../mesh/origin.ts';
import { type LeafOptions, makeLeaf, makeRoot, type Pair, type Root } from '../mesh/pki.ts';
import { bootstrapText, type TestProxy, startProxy } from '../mesh/proxy.ts';

const OURS = 'spiffe://mesh.test/ns/default/sa/server';
const FRIEND = 'spiffe://mesh.test/ns/default/sa/friend';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';

let root: Root;
let stranger: Root;
let own: Pair;
let friend: Pair;

const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;

function common(pair: Pair, ca: string, wanted: string | null): string {
  const names =
    wanted === null ? '' : `, match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: "${wanted}"}}]`;
  return `common_tls_context: {tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}, tls_certificates: [{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}], validation_context: {trusted_ca: ${inline(ca)}${names}}}`;
}

function strictListener(): string {
  return `transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.DownstreamTlsContext, require_client_certificate: true, ${common(own, root.cert, FRIEND)}}}`;
}

before(async () => {
  root = await makeRoot('mesh');
  stranger = await makeRoot('stranger');
  own = await makeLeaf(root, { uris: [OURS] });
  friend = await makeLeaf(root, { uris: [FRIEND] });
});

interface Asked {
  readonly text: string;
  readonly session: Buffer | null;
  readonly reused: boolean;
}

/** Sends a request over TLS; '' where nothing came back. */
function askTls(port: number, options: ConnectionOptions): Promise<Asked> {
  return new Promise((resolve) => {
    let text = '';
    let session: Buffer | null = null;
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'server',
      ...options,
    });
    let reused = false;
    const end = () => resolve({ text, session, reused });
    socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused();
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    });
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

describe('a strict listener', () => {
  let origin: Origin;
  let proxy: TestProxy;

  before(async () => {
    origin = await startOrigin(() => answer('in'));
    proxy = await startProxy({ origins: { o1: origin.port }, chain: strictListener() });
  });
  after(async () => {
    await proxy.close();
    await origin.close();
  });

  it('lets the expected identity in', async () => {
    const { text } = await askTls(proxy.port(), friend);
    assert.match(text, /^HTTP\/1\.1 200[\s\S]*in$/);
  });

  const refused: Readonly<Record<string, () => Promise<Pair | null>>> = {
    'no certificate': async () => null,
    'an expired one': () => makeLeaf(root, { uris: [FRIEND], from: -3, to: -1 }),
    'one that is not valid yet': () => makeLeaf(root, { uris: [FRIEND], from: 1, to: 3 }),
    'another identity': () => makeLeaf(root, { uris: ['spiffe://mesh.test/ns/default/sa/foe'] }),
    'an identity that only begins like it': () => makeLeaf(root, { uris: [`${FRIEND}x`] }),
    'an identity in other case': () => makeLeaf(root, { uris: ['spiffe://MESH.test/ns/default/sa/friend'] }),
    'no URI name': () => makeLeaf(root, { dns: ['friend.test'] }),
    'the identity as a DNS name': () => makeLeaf(root, { dns: [FRIEND] }),
    'the identity in the subject only': () =>
      makeLeaf(root, { subject: 'CN=spiffe\\:\\/\\/mesh.test/ns/default/sa/friend' }),
    'the right identity of a foreign authority': () => makeLeaf(stranger, { uris: [FRIEND] }),
    'a certificate for servers only': () => makeLeaf(root, { uris: [FRIEND], usages: ['server'] }),
    'a self-signed one': async () => makeRoot('friend'),
  };
  for (const [name, make] of Object.entries(refused)) {
    it(`refuses ${name}, with no byte of HTTP`, async () => {
      const seen = origin.seen.length;
      const pair = await make();
      const { text } = await askTls(proxy.port(), pair === null ? {} : { cert: pair.cert, key: pair.key });
      assert.equal(text, '');
      assert.equal(origin.seen.length, seen);
    });
  }

  it('refuses plain text', async () => {
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.ok(!(await client.ended()).includes('HTTP/'));
  });

  it('refuses TLS 1.2', async () => {
    const { text } = await askTls(proxy.port(), { ...friend, maxVersion: 'TLSv1.2' });
    assert.equal(text, '');
  });

  it('gives no session that could be taken up again', async () => {
    const first = await askTls(proxy.port(), friend);
    if (first.session !== null) {
      const second = await askTls(proxy.port(), { ...friend, session: first.session });
      assert.equal(second.reused, false);
      assert.match(second.text, /^HTTP\/1\.1 200/);
    }
    const stolen = await askTls(proxy.port(), first.session === null ? {} : { session: first.session });
    assert.equal(stolen.text, '');
  });

  it('survives a ClientHello in single bytes, and one that stops half-way', async () => {
    const socket = connectTcp(proxy.port(), '127.0.0.1');
    socket.on('error', () => {});
    for (const byte of Buffer.from('160301020001000', 'hex')) socket.write(Buffer.of(byte));
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    assert.match((await askTls(proxy.port(), friend)).text, /200/);
  });
});

describe('towards an upstream', () => {
  const servers: { close(): void }[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  function proxyTo(port: number, connectTimeout: string): Promise<TestProxy> {
    const socket = `{name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.UpstreamTlsContext, ${common(own, root.cert, FRIEND)}}}`;
    const o1 = `connect_timeout: ${connectTimeout}\ntransport_socket: ${socket}`;
    return startProxy(bootstrapText({ origins: { o1: port }, cluster: { o1 } }));
  }

  /** A TLS origin with that certificate; gives the answer that a client of the proxy gets. */
  async function through(options: LeafOptions | Pair, by: () => Root): Promise<{ text: string; reached: number }> {
    const pair = 'cert' in options ? options : await makeLeaf(by(), options);
    let reached = 0;
    const http: Server = createServer((_request, response) => {
      reached++;
      response.end('secret');
    });
    const server = createTlsServer(
      { cert: pair.cert, key: pair.key, ca: root.cert, requestCert: true, minVersion: 'TLSv1.3' },
      (socket) => http.emit('connection', socket),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const proxy = await proxyTo(port, '2s');
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    const text = await client.ended();
    await proxy.close();
    return { text, reached };
  }

  it('speaks to the expected identity', async () => {
    const { text } = await through({ uris: [FRIEND] }, () => root);
    assert.match(text, /^HTTP\/1\.1 200[\s\S]*secret/);
  });

  const refused: Readonly<Record<string, [LeafOptions, () => Root]>> = {
    'another identity': [{ uris: ['spiffe://mesh.test/ns/default/sa/foe'] }, () => root],
    'a name that Node would take': [{ dns: ['127.0.0.1', 'localhost'] }, () => root],
    'a foreign authority': [{ uris: [FRIEND] }, () => stranger],
    'an expired certificate': [{ uris: [FRIEND], from: -3, to: -1 }, () => root],
    'a certificate for clients only': [{ uris: [FRIEND], usages: ['client'] }, () => root],
  };
  for (const [name, [options, by]] of Object.entries(refused)) {
    it(`sends nothing to ${name}: 503 UF`, async () => {
      const { text, reached } = await through(options, by);
      assert.match(text, /^HTTP\/1\.1 503[\s\S]*remote connection failure/);
      assert.equal(reached, 0);
    });
  }

  it('a burst on a cold pool starts a bounded number of handshakes, and everybody gets an answer', async () => {
    const BURST = 3 * FEWEST_HANDSHAKES;
    const open: Socket[] = [];
    let deaf = false;
    const mute = createTcpServer((socket) => {
      socket.on('error', () => {}).resume();
      if (deaf) socket.destroy();
      else open.push(socket);
    });
    servers.push(mute);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const proxy = await proxyTo((mute.address() as { port: number }).port, '60s');
    const address = `127.0.0.1:${proxy.port()}`;
    const answers = Promise.all(Array.from({ length: BURST }, () => call(address, '/')));
    while (proxy.stats.cluster('o1').upstream_rq_pending_active < BURST) await setImmediate();
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    assert.equal(open.length, FEWEST_HANDSHAKES);
    deaf = true;
    for (const socket of open) socket.destroy();
    assert.deepEqual(new Set((await answers).map(({ status }) => status)), new Set([503]));
    await proxy.close();
  });

  it('a burst on a cold pool is served by few connections', async () => {
    const pair = await makeLeaf(root, { uris: [FRIEND] });
    const http: Server = createServer((_request, response) => response.end('in'));
    let connections = 0;
    const server = createTlsServer({ ...pair, ca: root.cert, requestCert: true, minVersion: 'TLSv1.3' }, (socket) => {
      connections++;
      http.emit('connection', socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = await proxyTo((server.address() as { port: number }).port, '5s');
    const BURST = 8 * FEWEST_HANDSHAKES;
    const answers = await Promise.all(Array.from({ length: BURST }, () => call(`127.0.0.1:${proxy.port()}`, '/')));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.ok(connections < BURST, `${connections} connections for ${BURST} requests`);
    await proxy.close();
  });
});
