// A mesh of several versions and protocols: peers that offer HTTP/1.1 alone, ports of HTTP/2, callers that
// speak HTTP/2 to applications of HTTP/1.1, plain text beside mutual TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Stream } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { certificateFor, type Pair } from '../../mesh/certificates.ts';
import { call } from '../../mesh/call.ts';
import { eventually, type TestDiscovery } from '../../mesh/discovery.ts';
import { exchange } from '../../mesh/client.ts';
import { grpcClient, runGrpcOrigin } from '../../mesh/grpc-origin.ts';
import { type MeshPair, runMeshPair, shopStat } from '../../mesh/mesh-pair.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

/** A sidecar as one before HTTP/2 was: the same mutual TLS, and HTTP/1.1 alone in ALPN. */
async function oldSidecar(t: TestContext, pair: Pair, appPort: number, cluster: string, hcm: string): Promise<number> {
  const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
  const common = `{alpn_protocols: [http/1.1], tls_certificates: [{certificate_chain: ${inline(pair.chain)}, private_key: ${inline(pair.key)}}], validation_context: {trusted_ca: ${inline(pair.roots)}}}`;
  const chain = `transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}, require_client_certificate: true, common_tls_context: ${common}}}`;
  const proxy = await startProxy(bootstrapText({ origins: { app: appPort }, cluster: { app: cluster }, chain, hcm }));
  t.after(() => proxy.close());
  return proxy.port();
}

/** Its instance takes the place of the new one's. */
function movedTo(discovery: TestDiscovery, port: number, protocol: string): void {
  discovery.mesh(
    `services: {web: {port: 80}, shop: {port: 9000, protocol: ${protocol}, instances: [{address: 127.0.0.1, port: ${port}, appPort: 1}]}}`,
  );
}

async function protocols(pair: MeshPair): Promise<readonly [number, number]> {
  return [await shopStat(pair, 'upstream_cx_http1_total'), await shopStat(pair, 'upstream_cx_http2_total')];
}

test('a peer that offers HTTP/1.1 alone gets that, gRPC and its trailers too', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const pair = await runMeshPair(t, origin.port);
  const keys = await certificateFor(pair.discovery, 'shop');
  const ask = () => call(`127.0.0.1:${pair.web.outbound}`, '/', { host: 'shop' });
  assert.equal((await ask()).status, 200);
  assert.deepEqual(await protocols(pair), [0, 1]);

  movedTo(pair.discovery, await oldSidecar(t, keys, origin.port, 'connect_timeout: 1s', ''), 'http');
  await eventually(async () => {
    assert.equal((await ask()).status, 200);
    assert.deepEqual(await protocols(pair), [1, 1]);
  });

  const grpc = await runGrpcOrigin(t);
  const trailers = 'http_protocol_options: {enable_trailers: true}';
  movedTo(
    pair.discovery,
    await oldSidecar(t, keys, grpc.port, 'connect_timeout: 1s\nhttp2_protocol_options: {}', trailers),
    'grpc',
  );
  const client = grpcClient(t, pair.web.outbound, 'shop') as unknown as {
    say(message: Buffer, done: (error: Error | null, answer?: Buffer) => void): void;
  };
  await eventually(async () => {
    const said = await new Promise((resolve, reject) => {
      client.say(Buffer.from('tea'), (error, message) => (error === null ? resolve(String(message)) : reject(error)));
    });
    assert.equal(said, 'tea');
  });
});

/** What a server says on a connection of mutual TLS that offers these. */
async function spoken(port: number, { chain, key, roots }: Pair, alpn: readonly string[]): Promise<TLSSocket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    cert: chain,
    key,
    ca: roots,
    ALPNProtocols: [...alpn],
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  return socket;
}

async function get(session: ClientHttp2Session): Promise<number> {
  const request = session.request({ ':path': '/', ':authority': 'shop' });
  request.resume().end();
  const [heads] = (await once(request, 'response')) as [Record<string, number>];
  await new Promise((resolve) => session.close(() => resolve(null)));
  return heads[':status'] as number;
}

test('the inbound listener takes both versions, by ALPN and, where plain text is let in, by the preface', {
  timeout: 120_000,
}, async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const pair = await runMeshPair(t, origin.port, { shop: 'mtls: PERMISSIVE' });
  const keys = await certificateFor(pair.discovery, 'web');
  const { inbound } = pair.shop;
  const h2 = await spoken(inbound, keys, ['http/1.1', 'h2']);
  assert.equal(h2.alpnProtocol, 'h2');
  assert.equal(await get(connect('http://shop', { createConnection: () => h2 })), 200);
  const h1 = await spoken(inbound, keys, ['http/1.1']);
  assert.equal(h1.alpnProtocol, 'http/1.1');
  h1.write('GET / HTTP/1.1\r\nhost: shop\r\n\r\n');
  assert.match(String((await once(h1, 'data'))[0]), /^HTTP\/1\.1 200 OK\r\n/);
  h1.destroy();
  assert.equal(await get(connect(`http://127.0.0.1:${inbound}`)), 200);
  assert.equal((await call(`127.0.0.1:${inbound}`, '/')).status, 200);
});

test('a port of HTTP/2 is spoken to in HTTP/2, whatever its callers speak', { timeout: 120_000 }, async (t) => {
  const server = createServer((request, response) => response.end(request.httpVersion)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const pair = await runMeshPair(t, (server.address() as { port: number }).port, { shop: 'protocol: http2' });
  assert.equal((await call(`127.0.0.1:${pair.web.outbound}`, '/', { host: 'shop' })).body, '2.0');
  assert.equal(await get(connect(`http://127.0.0.1:${pair.web.outbound}`)), 200);
});

test('a caller of HTTP/2 reaches an application of HTTP/1.1', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin(() => answer('ok'));
  t.after(() => origin.close());
  const pair = await runMeshPair(t, origin.port);
  assert.equal(await get(connect(`http://127.0.0.1:${pair.web.outbound}`)), 200);
  assert.match(origin.seen.at(-1)?.head ?? '', /^GET \/ HTTP\/1\.1\r\nhost: shop/);
  const early = await exchange(pair.web.outbound, ['GET / HTTP/1.1\r\nhost: shop\r\n\r\n'], (text) =>
    text.endsWith('ok'),
  );
  assert.match(early, /^HTTP\/1\.1 200 OK\r\n/);
});

test('a deadline that neither caller nor application keeps is kept by the sidecar', { timeout: 120_000 }, async (t) => {
  const { promise: given, resolve } = Promise.withResolvers<Http2Stream>();
  const server = createServer().listen(0, '127.0.0.1');
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    resolve(stream);
  });
  await once(server, 'listening');
  t.after(() => server.close());
  const pair = await runMeshPair(t, (server.address() as { port: number }).port, { shop: 'protocol: grpc' });
  const session = connect(`http://127.0.0.1:${pair.web.outbound}`);
  const fields = { 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '300m' };
  const request = session.request({ ':method': 'POST', ':path': '/a/B', ':authority': 'shop', ...fields });
  request.end(Buffer.alloc(5));
  const [heads] = (await once(request, 'response')) as [Record<string, string>];
  assert.equal(heads['grpc-status'], '4');
  const stream = await given;
  if (!stream.destroyed) await once(stream, 'close');
  await new Promise((done) => session.close(() => done(null)));
});
