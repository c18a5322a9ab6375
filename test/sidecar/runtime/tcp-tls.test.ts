// TCP and TLS: a mesh hop between two sidecars with SPIFFE identities, and passing TLS through unopened to the
// backend that the ClientHello names.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { makeLeaf, makeRoot, type Pair, type Root } from '../../mesh/pki.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { dialTcp, Peer, startTcpOrigin, tcpBootstrap, tcpCluster, tcpFilter } from '../../mesh/tcp.ts';
import { tcpOrigin } from '../../mesh/tcp-story.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const SERVER = 'spiffe://mesh.test/ns/default/sa/server';
const FRIEND = 'spiffe://mesh.test/ns/default/sa/friend';
const FOE = 'spiffe://mesh.test/ns/default/sa/foe';

let root: Root;
let server: Pair;
let friend: Pair;
let foe: Pair;

before(async () => {
  root = await makeRoot('mesh');
  server = await makeLeaf(root, { uris: [SERVER] });
  friend = await makeLeaf(root, { uris: [FRIEND] });
  foe = await makeLeaf(root, { uris: [FOE] });
});

function socketOf(kind: 'Upstream' | 'Downstream', pair: Pair, peer: string): string {
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const must = kind === 'Downstream' ? 'require_client_certificate: true, ' : '';
  return `transport_socket: {name: tls, typed_config: {"@type": ${TLS}.${kind}TlsContext, ${must}common_tls_context: {tls_params: {tls_maximum_protocol_version: TLSv1_3}, tls_certificates: [{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}], validation_context: {trusted_ca: ${inline(root.cert)}, match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: "${peer}"}}]}}}}`;
}

async function started(t: TestContext, text: string): Promise<TestProxy> {
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  return proxy;
}

/** A sidecar that wraps, one that unwraps, and an origin behind both. */
async function meshHop(t: TestContext, as: Pair) {
  const origin = await tcpOrigin(t);
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-'));
  const path = join(folder, 'log');
  const log = { path, format: '%RESPONSE_FLAGS% %DOWNSTREAM_PEER_URI_SAN% %BYTES_RECEIVED% %BYTES_SENT%' };
  const inbound = await started(
    t,
    tcpBootstrap({
      chains: [`${socketOf('Downstream', server, FRIEND)}, filters: [${tcpFilter('cluster: a', log)}]`],
      clusters: [tcpCluster('a', [origin.port])],
    }),
  );
  const outbound = await started(
    t,
    tcpBootstrap({
      chains: [`filters: [${tcpFilter('cluster: b')}]`],
      clusters: [tcpCluster('b', [inbound.port()], `connect_timeout: 5s, ${socketOf('Upstream', as, SERVER)}`)],
    }),
  );
  // After the sidecars, which write their last lines when they close.
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const client = await dialTcp(outbound.port());
  t.after(() => client.socket.destroy());
  const lines = async () => {
    for (;;) {
      await inbound.flushLogs();
      const text = readFileSync(path, 'latin1');
      if (text !== '') return text;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { origin, inbound, outbound, client, lines };
}

test('over mutual TLS between two sidecars: bytes, and the end of each direction', async (t) => {
  const { origin, client, lines } = await meshHop(t, friend);
  client.socket.end('q'.repeat(200_000));
  const peer = await origin.next();
  await peer.end();
  assert.equal(peer.heard.length, 200_000);
  peer.socket.end('a'.repeat(300_000));
  await client.gone();
  assert.equal(client.heard, 'a'.repeat(300_000));
  assert.equal(await lines(), `- ${FRIEND} 200000 300000\n`);
});

test('a reset at either end is felt at the other', async (t) => {
  const there = await meshHop(t, friend);
  there.client.say('x');
  const peer = await there.origin.next();
  await peer.hears('x');
  there.client.socket.resetAndDestroy();
  await peer.gone();
  assert.equal(peer.reset, true);

  const back = await meshHop(t, friend);
  back.client.say('x');
  const other = await back.origin.next();
  await other.hears('x');
  other.socket.resetAndDestroy();
  await back.client.gone();
  assert.equal(back.client.reset, true);
});

test('another identity than the expected gets not a byte through', async (t) => {
  const { origin, client, inbound } = await meshHop(t, foe);
  client.socket.end('secret');
  await client.gone();
  assert.equal(client.heard, '');
  assert.equal(inbound.stats.tcp('p').downstream_cx_total, 0);
  assert.equal(origin.taken, 0);
});

/** A backend that ends TLS itself, and says its name. */
async function tlsBackend(t: TestContext, name: string): Promise<number> {
  const backend = createServer(await makeLeaf(root, { dns: [name], subject: `CN=${name}` }), (socket) => {
    socket.on('error', () => {});
    socket.end(name);
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  t.after(() => backend.close());
  return (backend.address() as { port: number }).port;
}

/** What was said, and whose certificate was seen. */
async function hello(port: number, options: ConnectionOptions): Promise<string> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  let subject = '';
  socket.on('secureConnect', () => {
    subject = String(socket.getPeerCertificate().subject.CN);
  });
  const peer = new Peer(socket);
  await peer.end();
  socket.destroy();
  return `${peer.heard} by ${subject}`;
}

const INSPECT =
  'listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]';

test('SNI leads to the backend that is named, and TLS is not ended on the way', async (t) => {
  const names = ['one.test', 'two.test', 'deep.test', 'other.test'] as const;
  const ports = await Promise.all(names.map((name) => tlsBackend(t, name)));
  const plain = await startTcpOrigin((peer) => peer.socket.end('plain'));
  t.after(() => plain.close());
  const chain = (match: string, cluster: string) =>
    `filter_chain_match: {${match}}, filters: [${tcpFilter(`cluster: ${cluster}`)}]`;
  const proxy = await started(
    t,
    tcpBootstrap({
      listener: INSPECT,
      chains: [
        chain('server_names: [one.test]', 'one'),
        chain('server_names: ["*.one.test", two.test]', 'two'),
        chain('server_names: ["*.deep.one.test"]', 'deep'),
        chain('transport_protocol: tls', 'other'),
        chain('transport_protocol: raw_buffer', 'plain'),
      ],
      clusters: [
        ...['one', 'two', 'deep', 'other'].map((name, n) => tcpCluster(name, [ports[n] as number])),
        tcpCluster('plain', [plain.port]),
      ],
    }),
  );
  const port = proxy.port();
  assert.equal(await hello(port, { servername: 'one.test' }), 'one.test by one.test');
  assert.equal(await hello(port, { servername: 'ONE.test' }), 'one.test by one.test');
  assert.equal(await hello(port, { servername: 'two.test' }), 'two.test by two.test');
  assert.equal(await hello(port, { servername: 'a.one.test' }), 'two.test by two.test');
  assert.equal(await hello(port, { servername: 'a.deep.one.test' }), 'deep.test by deep.test');
  assert.equal(await hello(port, { servername: 'deep.one.test' }), 'two.test by two.test');
  assert.equal(await hello(port, { servername: 'none.test' }), 'other.test by other.test');
  assert.equal(await hello(port, {}), 'other.test by other.test');
  const client = await dialTcp(port);
  client.socket.end('no TLS');
  await client.end();
  assert.equal(client.heard, 'plain');
});

test('ALPN chooses among chains of one name; what fits none goes to the default chain', async (t) => {
  const [http, other] = await Promise.all([tlsBackend(t, 'http.test'), tlsBackend(t, 'other.test')]);
  const rest = await startTcpOrigin((peer) => peer.socket.end('rest'));
  t.after(() => rest.close());
  const chain = (match: string, cluster: string) =>
    `filter_chain_match: {${match}}, filters: [${tcpFilter(`cluster: ${cluster}`)}]`;
  const proxy = await started(
    t,
    tcpBootstrap({
      listener: `${INSPECT}, default_filter_chain: {filters: [${tcpFilter('cluster: rest')}]}`,
      chains: [
        chain('server_names: [a.test], application_protocols: [h2, http/1.1]', 'http'),
        chain('server_names: [a.test]', 'other'),
      ],
      clusters: [tcpCluster('http', [http]), tcpCluster('other', [other]), tcpCluster('rest', [rest.port])],
    }),
  );
  const ask = (alpn: string[], servername = 'a.test') => hello(proxy.port(), { servername, ALPNProtocols: alpn });
  assert.equal(await ask(['http/1.1']), 'http.test by http.test');
  assert.equal(await ask(['x', 'h2']), 'http.test by http.test');
  assert.equal(await ask(['x']), 'other.test by other.test');
  // Nobody there ends TLS: the handshake fails on the text.
  assert.equal(await ask(['h2'], 'b.test'), ' by ');
  const client = await dialTcp(proxy.port());
  client.socket.end('no TLS');
  await client.end();
  assert.equal(client.heard, 'rest');
});
