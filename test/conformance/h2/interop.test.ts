// With other people's HTTP/2 on either end: node:http2, and curl, nghttp, h2load and nghttpd where they are installed.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../../mesh/discovery.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { tempDir } from '../../temp-dir.ts';
import { figure } from './figures.ts';
import { HTTP2_UPSTREAM } from './lanes.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;

/** A missing tool is a reason to skip, by its name. */
function tool(name: string, version = '--version'): { readonly skip: string | false } {
  return { skip: spawnSync(name, [version]).error === undefined ? false : `there is no ${name} on this machine` };
}

/** Echoes bodies and trailers. */
async function nodeOrigin(t: TestContext): Promise<number> {
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream, headers, flags) => {
    const bodiless = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('error', () => {});
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-echo': String(trailers['x-trailer'] ?? '') }));
    stream.respond({ ':status': 200, 'x-path': String(headers[':path']) }, { waitForTrailers: true });
    if (bodiless) stream.end('a'.repeat(Number(new URL(`http://a${headers[':path']}`).searchParams.get('size') ?? 2)));
    else stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function proxied(t: TestContext, port?: number): Promise<TestProxy> {
  const proxy = await startProxy({ origins: { o1: port ?? (await nodeOrigin(t)) }, cluster: { o1: HTTP2_UPSTREAM } });
  t.after(() => proxy.close());
  return proxy;
}

function session(t: TestContext, { port }: TestProxy): http2.ClientHttp2Session {
  const client = http2.connect(`http://127.0.0.1:${port()}`);
  t.after(() => client.destroy());
  return client;
}

interface Reply {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: http2.IncomingHttpHeaders;
}

async function ask(
  client: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body: Buffer | null = null,
  trailers: http2.OutgoingHttpHeaders | null = null,
): Promise<Reply> {
  const stream = client.request(headers, { endStream: body === null, waitForTrailers: trailers !== null });
  if (trailers !== null) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  if (body !== null) stream.end(body);
  let got: http2.IncomingHttpHeaders = {};
  let last: http2.IncomingHttpHeaders = {};
  const pieces: Buffer[] = [];
  stream.on('response', (fields) => (got = fields));
  stream.on('trailers', (fields) => (last = fields));
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  await once(stream, 'close');
  assert.equal(stream.rstCode, 0);
  return { status: Number(got[':status']), headers: got, body: Buffer.concat(pieces), trailers: last };
}

describe('node:http2 on both ends', () => {
  for (const size of [0, 1, 16_384, 16_385, MIB, 5 * MIB])
    it(`${size} bytes both ways, with trailers`, async (t) => {
      const client = session(t, await proxied(t));
      const body = Buffer.alloc(size, 'x');
      const reply = await ask(client, { ':method': 'POST', ':path': '/p' }, body, { 'x-trailer': 'end' });
      assert.equal(reply.status, 200);
      assert.ok(reply.body.equals(body), `${reply.body.length} bytes`);
      assert.equal(reply.trailers['x-echo'], 'end');
    });

  it('a hundred at once', async (t) => {
    const client = session(t, await proxied(t));
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        ask(client, { ':method': 'POST', ':path': `/${i}` }, Buffer.alloc(1 + i * 1000, i)),
      ),
    );
    for (const [i, { headers, body }] of replies.entries()) {
      assert.equal(headers['x-path'], `/${i}`);
      const wrong = body.findIndex((byte) => byte !== i);
      assert.deepEqual([i, body.length, wrong, body[wrong]], [i, 1 + i * 1000, -1, undefined]);
    }
  });

  it('small frames and windows on the client', async (t) => {
    const proxy = await proxied(t);
    const client = http2.connect(`http://127.0.0.1:${proxy.port()}`, {
      settings: { initialWindowSize: 100, headerTableSize: 0 },
    });
    t.after(() => client.destroy());
    const { body } = await ask(client, { ':path': '/?size=20000' });
    assert.equal(body.length, 20_000);
  });

  it('a head larger than a frame', async (t) => {
    const client = session(t, await proxied(t));
    const value = 'v'.repeat(30_000);
    const { status } = await ask(client, { ':path': '/', 'x-large': value });
    assert.equal(status, 200);
  });

  it('PING and SETTINGS are answered', async (t) => {
    const client = session(t, await proxied(t));
    await once(client, 'connect');
    await new Promise<void>((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve())));
    await new Promise<void>((resolve) => client.settings({ initialWindowSize: 1000 }, () => resolve()));
  });

  it('a graceful end of the client lets what is under way finish', async (t) => {
    const client = session(t, await proxied(t));
    await once(client, 'connect');
    const asked = ask(client, { ':path': '/?size=500000' });
    client.close();
    assert.equal((await asked).body.length, 500_000);
    await eventually(() => assert.equal(client.destroyed, true));
  });

  it('a sidecar that drains: the client is told, and what is under way is served', async (t) => {
    const proxy = await proxied(t);
    const client = session(t, proxy);
    await ask(client, { ':path': '/' });
    const told = once(client, 'goaway');
    const stream = client.request({ ':method': 'POST', ':path': '/p' });
    await once(stream, 'response');
    proxy.apply({
      origins: {},
      routes: '- {match: {prefix: /}, direct_response: {status: 200}}',
      listener: 'stat_prefix: other',
    });
    const [code] = (await told) as [number];
    assert.equal(code, http2.constants.NGHTTP2_NO_ERROR);
    stream.end('last words');
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    assert.equal(Buffer.concat(pieces).toString(), 'last words');
  });

  it('a request that is taken back is taken back upstream', async (t) => {
    const server = http2.createServer();
    const closed = new Promise<number>((resolve) =>
      server.on('stream', (stream: http2.ServerHttp2Stream) => {
        stream.on('error', () => {});
        stream.on('close', () => resolve(stream.rstCode));
        stream.respond({ ':status': 200 });
        stream.write('some');
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const client = session(t, await proxied(t, (server.address() as AddressInfo).port));
    const stream = client.request({ ':path': '/' });
    stream.on('error', () => {});
    await once(stream, 'data');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    assert.equal(await closed, http2.constants.NGHTTP2_CANCEL);
  });
});

describe('curl', tool('curl'), () => {
  it('with prior knowledge: bodies both ways', async (t) => {
    const proxy = await proxied(t);
    const file = join(tempDir(t), 'body');
    writeFileSync(file, Buffer.alloc(2 * MIB, 'b'));
    const url = `http://127.0.0.1:${proxy.port()}/p`;
    const { stdout } = await run(
      'curl',
      ['-sS', '--http2-prior-knowledge', '--data-binary', `@${file}`, '-w', '\n%{http_version} %{http_code}', url],
      { maxBuffer: 4 * MIB },
    );
    assert.equal(stdout, `${'b'.repeat(2 * MIB)}\n2 200`);
  });

  it('HTTP/1.1 on the same port', async (t) => {
    const proxy = await proxied(t);
    const { stdout } = await run('curl', [
      '-sS',
      '--http1.1',
      '-w',
      '\n%{http_version} %{http_code}',
      `http://127.0.0.1:${proxy.port()}/`,
    ]);
    assert.equal(stdout, 'aa\n1.1 200');
  });
});

describe('nghttp', tool('nghttp'), () => {
  it('several URIs on one connection, padded, with trailers', async (t) => {
    const proxy = await proxied(t);
    const file = join(tempDir(t), 'body');
    writeFileSync(file, Buffer.alloc(100_000, 'n'));
    const url = (path: string) => `http://127.0.0.1:${proxy.port()}${path}`;
    const flags = [
      '--padding=100',
      '--trailer=x-trailer: t',
      '--window-bits=10',
      '--connection-window-bits=10',
      '-d',
      file,
    ];
    const { stdout } = await run('nghttp', [...flags, url('/a'), url('/b'), url('/c')], { maxBuffer: 4 * MIB });
    assert.equal(stdout, 'n'.repeat(300_000));
    assert.equal(await figure(proxy, 'http.main.downstream_cx_http2_total'), 1);
  });
});

describe('h2load', tool('h2load'), () => {
  it('twenty streams on each of four connections', async (t) => {
    const proxy = await proxied(t);
    const { stdout } = await run('h2load', ['-n', '2000', '-c', '4', '-m', '20', `http://127.0.0.1:${proxy.port()}/`]);
    assert.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(stdout, /status codes: 2000 2xx/);
    assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0);
  });
});

describe('nghttpd', tool('nghttpd'), () => {
  it('as an upstream', async (t) => {
    const folder = tempDir(t);
    writeFileSync(join(folder, 'file'), Buffer.alloc(300_000, 'd'));
    const port = await freePort();
    const child = spawn('nghttpd', ['--no-tls', '-a', '127.0.0.1', '-d', folder, String(port)], { stdio: 'ignore' });
    t.after(() => ended(child));
    const client = session(t, await proxied(t, port));
    const reply = await eventually(async () => {
      const got = await ask(client, { ':path': '/file' });
      assert.equal(got.status, 200);
      return got;
    });
    assert.equal(reply.body.toString(), 'd'.repeat(300_000));
    assert.equal((await ask(client, { ':path': '/none' })).status, 404);
  });
});

async function freePort(): Promise<number> {
  const server = http2.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const over = once(child, 'exit');
  child.kill();
  await over;
}
