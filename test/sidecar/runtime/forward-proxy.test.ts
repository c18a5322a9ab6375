// The outbound listener as an HTTP proxy, so that an application reaches names of the mesh without any privilege:
// absolute-form requests, and CONNECT as routes allow it (RFC 9112 3.2.2, RFC 9110 9.3.6; P20).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { suite, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { fetch, ProxyAgent } from 'undici';
import { openClient } from '../../mesh/client.ts';
import { makeMutualTls } from '../../mesh/mutual-tls.ts';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { startTcpOrigin, type TcpOrigin } from '../../mesh/tcp.ts';
import { End, openSession, type Version } from '../../mesh/tunnel-end.ts';

const run = promisify(execFile);

async function started(t: TestContext, pieces: BootstrapPieces): Promise<TestProxy> {
  const proxy = await startProxy(pieces);
  t.after(() => proxy.close());
  return proxy;
}

async function web(t: TestContext): Promise<Origin> {
  const origin = await startOrigin(() => answer('hello'));
  t.after(() => origin.close());
  return origin;
}

async function tcp(t: TestContext): Promise<TcpOrigin> {
  const origin = await startTcpOrigin();
  t.after(() => origin.close());
  return origin;
}

/** Only the name of the mesh has a route. */
const NAMED =
  '- {match: {prefix: /, headers: [{name: ":authority", string_match: {exact: web.default.mesh}}]}, route: {cluster: o}}';
const TERMINATED =
  '- {match: {connect_matcher: {}}, route: {cluster: o, timeout: 0s, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}';
const FORWARDED = '- {match: {connect_matcher: {}}, route: {cluster: o, upgrade_configs: [{upgrade_type: CONNECT}]}}';

suite('absolute-form', () => {
  test('curl with a proxy reaches a name of the mesh', async (t) => {
    const origin = await web(t);
    const proxy = await started(t, { origins: { o: origin.port }, routes: NAMED });
    const url = 'http://web.default.mesh/path?q=1';
    const { stdout } = await run('curl', ['-sS', '--max-time', '10', '-x', `http://127.0.0.1:${proxy.port()}`, url]);
    assert.equal(stdout, 'hello');
    const env = { ...process.env, http_proxy: `http://127.0.0.1:${proxy.port()}`, no_proxy: '', NO_PROXY: '' };
    assert.equal((await run('curl', ['-sS', '--max-time', '10', url], { env })).stdout, 'hello');
    for (const { head } of origin.seen) {
      assert.match(head, /^GET \/path\?q=1 HTTP\/1\.1\r\nhost: web\.default\.mesh\r\n/i);
      assert.doesNotMatch(head, /proxy-connection/i);
    }
    assert.equal(origin.seen.length, 2);
  });

  test('over mutual TLS and HTTP/2 to the sidecar of the other side', async (t) => {
    const origin = await web(t);
    const mutual = await makeMutualTls();
    const inbound = await started(t, { origins: { o: origin.port }, chain: mutual.chain });
    const outbound = await started(t, {
      origins: { o: inbound.port() },
      routes: NAMED,
      cluster: { o: mutual.cluster() },
    });
    const proxy = `http://127.0.0.1:${outbound.port()}`;
    const { stdout } = await run('curl', ['-sS', '--max-time', '10', '-x', proxy, 'http://web.default.mesh/path']);
    assert.equal(stdout, 'hello');
    assert.match(origin.seen[0]?.head ?? '', /^GET \/path HTTP\/1\.1\r\nhost: web\.default\.mesh\r\n/i);
    assert.equal(inbound.stats.http('main').downstream_cx_http2_total, 1);
    assert.equal(inbound.stats.http('main').downstream_cx_ssl_total, 1);
  });

  test('the target decides, and not the Host beside it', async (t) => {
    const origin = await web(t);
    const proxy = await started(t, { origins: { o: origin.port }, routes: NAMED });
    for (const [target, host, status] of [
      ['http://web.default.mesh/', 'other.test', 200],
      ['http://other.test/', 'web.default.mesh', 404],
      ['HTTP://web.default.mesh', 'x', 200],
      ['ftp://web.default.mesh/', 'web.default.mesh', 400],
      ['http://user@web.default.mesh/', 'web.default.mesh', 400],
      ['http:///path', 'web.default.mesh', 400],
    ] as const) {
      const client = await openClient(proxy.port());
      await client.send(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      assert.match(await client.until((text) => text.includes('\r\n\r\n')), new RegExp(`^HTTP/1.1 ${status} `), target);
      client.close();
    }
    assert.ok(origin.seen.every(({ head }) => /\r\nhost: web\.default\.mesh(\r\n|$)/i.test(head)));
  });

  test('an agent of undici that sends absolute-form, and one that asks for a tunnel', async (t) => {
    const origin = await web(t);
    const proxy = await started(t, { origins: { o: origin.port }, routes: `${NAMED}\n${TERMINATED}` });
    for (const proxyTunnel of [false, true]) {
      const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${proxy.port()}`, proxyTunnel });
      const response = await fetch('http://web.default.mesh/x', { dispatcher });
      assert.equal(await response.text(), 'hello');
      await dispatcher.close();
    }
    assert.equal(origin.seen.length, 2);
    assert.equal(proxy.stats.http('main').downstream_cx_upgrades_total, 1);
  });
});

const TARGET = 'db.default.mesh:5432';

async function connectTo(t: TestContext, version: Version, port: number, target = TARGET, early = ''): Promise<End> {
  const end = version === 'h1' ? await overHttp1(port, target, early) : await overHttp2(port, target, early);
  t.after(() => end.stream.destroy());
  return end;
}

async function overHttp1(port: number, target: string, early: string): Promise<End> {
  const { socket } = await openClient(port);
  socket.allowHalfOpen = true;
  socket.removeAllListeners('data');
  const end = new End(socket);
  let text = '';
  const read = (bytes: Buffer) => {
    text += bytes.toString('latin1');
    const stop = text.indexOf('\r\n\r\n');
    if (stop === -1) return;
    socket.off('data', read);
    end.status = Number(text.split(' ', 2)[1]);
    end.fields = { head: text.slice(0, stop) };
    end.listen();
    end.hear(Buffer.from(text.slice(stop + 4), 'latin1'));
  };
  socket.on('data', read);
  return end.say(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n${early}`);
}

async function overHttp2(port: number, target: string, early: string): Promise<End> {
  const session = await openSession(port);
  const stream = session.request({ ':method': 'CONNECT', ':authority': target }, { endStream: false });
  const end = new End(stream).listen();
  stream.on('response', (head) => {
    end.fields = head;
    end.status = Number(head[':status']);
    end.changes.touch();
  });
  stream.on('close', () => session.close());
  return early === '' ? end : end.say(early);
}

for (const version of ['h1', 'h2'] as const) {
  suite(`CONNECT over ${version}`, () => {
    test('bytes go to the cluster as they are, the server may speak first, each side ends for itself', async (t) => {
      const origin = await tcp(t);
      const proxy = await started(t, { origins: { o: origin.port }, routes: TERMINATED });
      const client = await connectTo(t, version, proxy.port(), TARGET, 'early');
      const peer = await origin.next();
      peer.say('server first');
      assert.equal(await client.answered(), 200);
      if (version === 'h1')
        assert.doesNotMatch(String(client.fields['head']), /content-length|transfer-encoding|upgrade/i);
      await client.hears('server first');
      assert.equal(await peer.hears('early'), 'early');
      client.say(' late').end();
      await peer.end();
      assert.equal(peer.heard, 'early late');
      peer.say(', last').socket.end();
      await client.endsAfter('server first, last');
      const { stats } = proxy.runtime.clusters.get('o') ?? assert.fail('no cluster');
      assert.deepEqual([stats.upstream_rq_total, stats.upstream_rq_active, stats.upstream_cx_active], [1, 0, 0]);
      assert.equal(proxy.stats.http('main').downstream_cx_upgrades_active, 0);
    });

    test('a reset passes both ways', async (t) => {
      const origin = await tcp(t);
      const proxy = await started(t, { origins: { o: origin.port }, routes: TERMINATED });
      const first = await connectTo(t, version, proxy.port());
      (await origin.next()).say('x');
      await first.hears('x');
      const second = await connectTo(t, version, proxy.port());
      const peer = await origin.next();
      assert.equal(await second.answered(), 200);
      second.say('x');
      await peer.hears('x');
      second.abort();
      await peer.gone();
      assert.equal(peer.reset, true);
      const third = await connectTo(t, version, proxy.port());
      const other = await origin.next();
      other.say('x');
      await third.hears('x');
      other.socket.resetAndDestroy();
      await third.isCut();
    });

    test('a cluster that cannot be reached', async (t) => {
      const origin = await startTcpOrigin();
      await origin.close();
      const proxy = await started(t, { origins: { o: origin.port }, routes: TERMINATED });
      const client = await connectTo(t, version, proxy.port());
      assert.equal(await client.answered(), 503);
    });

    test('P20: without a route for it 404, without its leave 403', async (t) => {
      const origin = await tcp(t);
      const plain = await started(t, { origins: { o: origin.port } });
      assert.equal(await (await connectTo(t, version, plain.port())).answered(), 404);
      const routes = '- {match: {connect_matcher: {}}, route: {cluster: o}}';
      const matched = await started(t, { origins: { o: origin.port }, routes });
      assert.equal(await (await connectTo(t, version, matched.port())).answered(), 403);
      assert.equal(origin.taken, 0);
    });

    test('P20: a target without a port, or with one that is none', async (t) => {
      const origin = await tcp(t);
      const proxy = await started(t, { origins: { o: origin.port }, routes: TERMINATED });
      for (const target of ['db.default.mesh', 'db.default.mesh:0', 'db.default.mesh:65536', ':5432', 'db:']) {
        const client = await connectTo(t, version, proxy.port(), target);
        await client.until(() => client.status !== 0 || client.broken, 'a refusal');
        assert.ok(client.status === 400 || client.broken, `${target}: ${client.status}`);
      }
      assert.equal(origin.taken, 0);
    });

    test('without connect_config it goes on as a CONNECT, to either version', async (t) => {
      for (const upstream of ['h1', 'h2'] as const) await checkForwarded(t, version, upstream);
    });
  });
}

const H2 = `connect_timeout: 1s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}`;

async function checkForwarded(t: TestContext, version: Version, upstream: Version): Promise<void> {
  const heads: string[] = [];
  const port = upstream === 'h1' ? await nextProxy(t, heads) : await nextHttp2Proxy(t, heads);
  const proxy = await started(t, {
    origins: { o: port },
    routes: FORWARDED,
    cluster: upstream === 'h2' ? { o: H2 } : {},
  });
  const client = await connectTo(t, version, proxy.port());
  assert.equal(await client.answered(), 200);
  client.say('ping').end();
  await client.endsAfter('got ping');
  assert.deepEqual(heads, [`CONNECT ${TARGET}`]);
}

test('P15: bytes behind a CONNECT that is not granted go nowhere', async (t) => {
  for (const version of ['h1', 'h2'] as const) {
    const origin = await startOrigin(() => answer('no', 'HTTP/1.1 403 Forbidden'));
    t.after(() => origin.close());
    const proxy = await started(t, { origins: { o: origin.port }, routes: FORWARDED });
    const early = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';
    const client = await connectTo(t, version, proxy.port(), TARGET, early);
    assert.equal(await client.answered(), 403);
    await client.endsAfter('no');
    assert.deepEqual(
      origin.seen.map(({ head }) => head.split(' ', 1)[0]),
      ['CONNECT'],
    );
  }
});

/** Grants with a length, which means nothing there. */
async function nextProxy(t: TestContext, heads: string[]): Promise<number> {
  const origin = await startTcpOrigin((peer) => {
    peer.socket.once('data', (bytes: Buffer) => {
      heads.push(/^CONNECT \S+(?= HTTP\/1\.1\r\nhost: db\.default\.mesh:5432\r\n)/.exec(bytes.toString())?.[0] ?? '');
      peer.say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n');
      peer.socket.once('data', (more: Buffer) => peer.say(`got ${more}`));
      peer.socket.once('end', () => peer.socket.end());
    });
  });
  t.after(() => origin.close());
  return origin.port;
}

async function nextHttp2Proxy(t: TestContext, heads: string[]): Promise<number> {
  const server = http2.createServer();
  const sessions: http2.Http2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream: http2.ServerHttp2Stream, head) => {
    heads.push(`${head[':method']} ${head[':authority']}`);
    assert.equal(head[':path'], undefined);
    stream.respond({ ':status': 200 });
    stream.once('data', (bytes: Buffer) => stream.write(`got ${bytes}`));
    stream.on('end', () => stream.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

suite('P20: what CONNECT may not have', () => {
  test('a path, a body, a length', async (t) => {
    const origin = await tcp(t);
    const proxy = await started(t, { origins: { o: origin.port }, routes: TERMINATED });
    for (const request of [
      'CONNECT /path HTTP/1.1\r\nhost: x\r\n\r\n',
      'CONNECT http://db.default.mesh:5432/ HTTP/1.1\r\nhost: x\r\n\r\n',
      `CONNECT ${TARGET} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello`,
      `CONNECT ${TARGET} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ]) {
      const client = await openClient(proxy.port());
      await client.send(request);
      assert.match(await client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1.1 400 /, request);
      client.close();
    }
    assert.equal(origin.taken, 0);
  });

  test('an Upgrade field cannot ask for one', async (t) => {
    const origin = await web(t);
    const hcm = 'upgrade_configs: [{upgrade_type: CONNECT}]';
    const proxy = await started(t, { origins: { o: origin.port }, hcm });
    const client = await openClient(proxy.port());
    await client.send('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: connect\r\n\r\n');
    assert.match(await client.until((text) => text.endsWith('hello')), /^HTTP\/1.1 200 /);
    assert.doesNotMatch(origin.seen[0]?.head ?? '', /upgrade/i);
    client.close();
  });
});
