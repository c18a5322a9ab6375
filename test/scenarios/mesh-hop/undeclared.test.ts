// A service whose port declares no protocol: requests are requests on both sides of the hop, and everything else
// crosses it as it came, also where the server speaks first.

import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { type MeshPair, runMeshPair, shopStat } from '../../mesh/mesh-pair.ts';
import { dialTcp, Peer } from '../../mesh/tcp.ts';
import { tempDir } from '../../temp-dir.ts';

const GET = 'GET / HTTP/1.1\r\nhost: shop\r\n\r\n';
/** As MySQL does: a packet with the version, before the client has said a word. */
const GREETING = '\x09\0\0\0\x0a8.4.0\0\0';

/** One port that is at any time what the test wants it to be. */
interface Application {
  readonly port: number;
  speaks: 'http' | 'greets' | 'echoes';
  /** The last request. */
  readonly asked: () => IncomingMessage | null;
}

async function startApplication(t: TestContext): Promise<Application> {
  let asked: IncomingMessage | null = null;
  const http = createHttpServer((request, response) => {
    asked = request;
    response.end(`${request.method} in ${request.httpVersion}`);
  });
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    if (application.speaks === 'http') http.emit('connection', socket);
    else if (application.speaks === 'greets') new Peer(socket).say(GREETING);
    else socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const application: Application = { port, speaks: 'http', asked: () => asked };
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return application;
}

interface Story {
  readonly pair: MeshPair;
  readonly application: Application;
  /** The loopback port at which `web` finds `shop`. */
  readonly port: number;
}

function pieces(port: number, shop: string) {
  return { web: `upstreams: [{service: shop, port: ${port}}]`, shop };
}

async function requests({ pair, application, port }: Story): Promise<void> {
  application.speaks = 'http';
  assert.equal((await call(`127.0.0.1:${port}`, '/')).body, 'GET in 1.1');
  const seen = application.asked()?.headers['x-forwarded-client-cert'];
  assert.match(String(seen), /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/web/);
  // By name as well, over the same HTTP/2 between the sidecars.
  assert.equal((await call(`127.0.0.1:${pair.web.outbound}`, '/', { host: 'shop' })).body, 'GET in 1.1');
  assert.equal(await shopStat(pair, 'upstream_cx_http2_total'), 1);
  assert.equal(await pair.shop.pages.stat('http.inbound.downstream_rq_2xx'), 2);
  for (let cut = 1; cut < GET.length; cut++) {
    const client = await openClient(port);
    await client.send(GET.slice(0, cut), GET.slice(cut));
    assert.match(await client.until((text) => text.endsWith('1.1')), /^HTTP\/1\.1 200/, `cut at ${cut}`);
    client.close();
  }
  assert.equal(await pair.web.pages.stat('http_inspector.http_not_found'), 0);
}

async function http2({ application, port }: Story): Promise<void> {
  application.speaks = 'http';
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  session.destroy();
}

async function serverFirst({ pair, application, port }: Story): Promise<void> {
  application.speaks = 'greets';
  const client = await dialTcp(port);
  assert.equal(await client.hears(GREETING), GREETING);
  client.socket.destroy();
  assert.equal(await pair.web.pages.stat(`listener.127.0.0.1_${port}.downstream_pre_cx_timeout`), 1);
  // The second sidecar knows from the first.
  assert.doesNotMatch(await pair.shop.pages.get('/stats'), /downstream_pre_cx_timeout: [1-9]/);
}

const CLIENT_FIRST = ['\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00', '*1\r\n$4\r\nPING\r\n', 'GET key\r\n', 'EHLO a\r\n'];

async function clientFirst({ application, port }: Story): Promise<void> {
  application.speaks = 'echoes';
  for (const text of CLIENT_FIRST) {
    for (let cut = 1; cut <= text.length; cut++) {
      const client = await dialTcp(port);
      client.say(text.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.say(text.slice(cut)).socket.end();
      await client.end();
      assert.equal(client.heard, text);
    }
  }
}

/** Also what is no request asks who may. */
async function notAllowed({ pair, application, port }: Story): Promise<void> {
  pair.mesh({ ...pieces(port, 'allow: [edge]'), more: 'gateways: {edge: {listeners: [{name: http, port: 80}]}}' });
  application.speaks = 'http';
  await eventually(async () => assert.equal((await call(`127.0.0.1:${port}`, '/')).status, 403));
  application.speaks = 'echoes';
  await eventually(async () => {
    const client = await dialTcp(port);
    client.say('EHLO a\r\n');
    await client.end();
    client.socket.destroy();
    assert.equal(client.heard, '');
  });
}

/** Without TLS the second sidecar has to look for itself. */
async function permissive({ pair, application, port }: Story): Promise<void> {
  pair.mesh(pieces(port, 'mtls: PERMISSIVE'));
  await eventually(async () => assert.match(await pair.shop.pages.get('/config_dump'), /plain-tcp/));
  application.speaks = 'http';
  assert.equal((await call(`127.0.0.1:${pair.shop.inbound}`, '/')).body, 'GET in 1.1');
  assert.equal((await call(`127.0.0.1:${port}`, '/')).body, 'GET in 1.1');
  application.speaks = 'greets';
  const stranger = await dialTcp(pair.shop.inbound);
  assert.equal(await stranger.hears(GREETING), GREETING);
  stranger.socket.destroy();
}

/** What a route or a rule says of requests is not gone round. */
async function routed({ pair, application, port }: Story): Promise<void> {
  const more = 'routes: {r: {parentRefs: [{kind: Service, name: shop}], rules: [{backendRefs: [{name: shop}]}]}}';
  pair.mesh({ ...pieces(port, ''), more });
  application.speaks = 'echoes';
  await eventually(async () => {
    const client = await openClient(port);
    await client.send('EHLO a\r\n\r\n');
    const heard = await client.until((text) => text.length > 0);
    client.close();
    assert.match(heard, /^HTTP\/1\.1 400/);
  });
}

test('a service of an undeclared protocol, over mutual TLS', { timeout: 120_000 }, async (t) => {
  const application = await startApplication(t);
  const [port] = (await freePorts(1)) as [number];
  const pair = await runMeshPair(t, application.port, pieces(port, 'allow: [web]'));
  const here = { pair, application, port };
  await t.test('requests of HTTP/1.1, cut at every byte', () => requests(here));
  await t.test('requests of HTTP/2', () => http2(here));
  await t.test('the server speaks first', () => serverFirst(here));
  await t.test('the client speaks first, in words of its own, cut at every byte', () => clientFirst(here));
  await t.test('who is not allowed gets in neither way', () => notAllowed(here));
  await t.test('permissive: from elsewhere too, either way', () => permissive(here));
  await t.test('with a route it takes requests alone', () => routed(here));
});

test('Redis at an undeclared port', async (t) => {
  if (spawnSync('redis-server', ['--version']).error !== undefined) return t.skip('redis-server is missing');
  const [redis, port] = (await freePorts(2)) as [number, number];
  const args = ['--port', `${redis}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tempDir(t)];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  t.after(() => server.kill('SIGTERM'));
  const pair = await runMeshPair(t, redis, pieces(port, 'allow: [web]'));
  const say = async (...words: string[]) =>
    (await promisify(execFile)('redis-cli', ['-p', `${port}`, ...words])).stdout.trim();
  await eventually(async () => assert.equal(await say('set', 'tea', 'mint'), 'OK'));
  assert.equal(await say('get', 'tea'), 'mint');
  assert.equal(await pair.web.pages.stat(`listener.127.0.0.1_${port}.downstream_pre_cx_timeout`), 0);
});
