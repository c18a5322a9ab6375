// Clients that leave, wait or are answered early, in all four pairs of versions: what the upstream is told, and when.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { Changes } from '../h1/changes.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import { clusterOf, type Version } from './pair.ts';
import { connectPeer, startPeerOrigin } from './peer.ts';

const LIMIT_MS = 30_000;

/** Either origin, which says nothing until it is told to. */
interface Behind {
  readonly port: number;
  /** Head and so much body have come. */
  asked(bytes: number): Promise<void>;
  /** What came, heads first. */
  saw(): string;
  interim(): void;
  /** Head and some of a body. */
  begins(): void;
  /** A whole answer. */
  answers(): void;
  /** It hears that nobody waits. */
  cancelled(): Promise<void>;
}

/** HTTP/1.1, of which only the bytes are looked at. */
async function behindHttp1(t: TestContext): Promise<Behind> {
  const changes = new Changes();
  const sockets: Socket[] = [];
  let text = '';
  let over = false;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      changes.touch();
    });
    socket.on('close', () => {
      over = true;
      changes.touch();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const comes = async (good: () => boolean) => assert.ok(await changes.until(good, LIMIT_MS), JSON.stringify(text));
  const say = (words: string) => void sockets[0]?.write(words, 'latin1');
  return {
    port: (server.address() as { port: number }).port,
    asked: (bytes) => comes(() => (text.split('\r\n\r\n')[1]?.length ?? -1) >= bytes),
    saw: () => text,
    interim: () => say('HTTP/1.1 100 Continue\r\n\r\n'),
    begins: () => say('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
    answers: () => say('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    cancelled: () => comes(() => over),
  };
}

async function behindHttp2(t: TestContext): Promise<Behind> {
  const origin = await startPeerOrigin();
  t.after(() => origin.close());
  origin.onRequest = () => {};
  const say = (...bytes: readonly Buffer[]) => origin.peers[0]?.send(...bytes);
  const heard = () => origin.peers[0]?.streams.get(1);
  return {
    port: origin.port,
    asked: (bytes) =>
      origin.until(() => (heard()?.heads.length ?? 0) > 0 && (heard()?.length ?? 0) >= bytes, 'a request'),
    saw: () => heard()?.heads.flat().join('\n') ?? '',
    interim: () => say(f.headers(1, f.response(100), false)),
    begins: () => say(f.headers(1, f.response(200, ['content-length', '9']), false), f.data(1, 'abc', false)),
    answers: () => say(f.headers(1, f.response(200, ['content-length', '2']), false), f.data(1, 'ok')),
    cancelled: async () => {
      await origin.until(() => heard()?.reset != null, 'RST_STREAM');
      assert.equal(heard()?.reset, f.ERROR.CANCEL);
      assert.equal(origin.peers[0]?.closed, false);
    },
  };
}

/** Either client, with one request. */
interface Before {
  post(...fields: f.Fields): void;
  get(): void;
  body(text: string, end: boolean): void;
  /** Takes its request back, or closes its connection. */
  leaves(): void;
  gets(what: 'interim' | 'head' | 'answer'): Promise<void>;
}

async function beforeHttp1(t: TestContext, port: number): Promise<Before> {
  const client = await openClient(port);
  t.after(() => client.close());
  const looks = {
    interim: /^HTTP\/1\.1 100 /,
    head: /^HTTP\/1\.1 200 .*abc$/s,
    answer: /^(?:HTTP\/1\.1 100 \w+\r\n\r\n)?HTTP\/1\.1 200 .*\r\n\r\nok$/s,
  };
  const send = (text: string) => void client.send(text);
  return {
    post: (...fields) =>
      send(
        `POST /d HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      ),
    get: () => send('GET /d HTTP/1.1\r\nhost: a\r\n\r\n'),
    body: send,
    leaves: () => client.close(),
    gets: async (what) => assert.match(await client.until((text) => looks[what].test(text)), looks[what]),
  };
}

async function beforeHttp2(t: TestContext, port: number, closes: boolean): Promise<Before> {
  const peer = await connectPeer(port);
  t.after(() => peer.close());
  const heard = peer.stream(1);
  const good = {
    interim: () => heard.statuses[0] === 100,
    head: () => heard.status === 200 && heard.text === 'abc',
    answer: () => heard.status === 200 && heard.text === 'ok' && heard.ended,
  };
  return {
    post: (...fields) => peer.send(f.headers(1, f.request('POST', '/d', ['content-length', '9'], ...fields), false)),
    get: () => peer.send(f.headers(1, f.request())),
    body: (text, end) => peer.send(f.data(1, text, end)),
    leaves: () => (closes ? peer.close() : peer.send(f.rst(1, f.ERROR.CANCEL))),
    gets: (what) => peer.until(good[what], what),
  };
}

interface Way {
  readonly name: string;
  readonly origin: Version;
  readonly before: (t: TestContext, port: number) => Promise<Before>;
}

const WAYS: readonly Way[] = ([1, 2] as const).flatMap((origin) => [
  { name: `HTTP/1 to HTTP/${origin}`, origin, before: beforeHttp1 },
  { name: `HTTP/2 to HTTP/${origin}`, origin, before: (t: TestContext, port: number) => beforeHttp2(t, port, false) },
  {
    name: `HTTP/2 to HTTP/${origin}, by its connection`,
    origin,
    before: (t: TestContext, port: number) => beforeHttp2(t, port, true),
  },
]);

for (const way of WAYS)
  describe(way.name, { concurrency: true }, () => {
    const row = (name: string, run: (client: Before, upstream: Behind, proxy: TestProxy) => Promise<void>, hcm = '') =>
      it(name, async (t) => {
        const upstream = await (way.origin === 1 ? behindHttp1(t) : behindHttp2(t));
        const proxy = await startProxy({ origins: { o1: upstream.port }, hcm, cluster: { o1: clusterOf(way.origin) } });
        t.after(() => proxy.close());
        await run(await way.before(t, proxy.port()), upstream, proxy);
        await eventually(async () => assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0));
        await eventually(async () => assert.equal(await figure(proxy, 'http.main.downstream_rq_active'), 0));
      });

    row('a client that leaves before the answer', async (client, upstream) => {
      client.get();
      await upstream.asked(0);
      client.leaves();
      await upstream.cancelled();
    });

    row('a client that leaves in its request', async (client, upstream) => {
      client.post();
      client.body('some', false);
      await upstream.asked(4);
      client.leaves();
      await upstream.cancelled();
    });

    row('a client that leaves in the answer', async (client, upstream) => {
      client.get();
      await upstream.asked(0);
      upstream.begins();
      await client.gets('head');
      client.leaves();
      await upstream.cancelled();
    });

    row('an answer before the request is over', async (client, upstream) => {
      client.post();
      client.body('some', false);
      await upstream.asked(4);
      upstream.answers();
      await client.gets('answer');
      await upstream.cancelled();
    });

    row(
      'Expect: 100-continue, said by the upstream',
      async (client, upstream) => {
        client.post(['expect', '100-continue']);
        await upstream.asked(0);
        assert.match(upstream.saw(), /^expect(?:: |\n)100-continue/m);
        upstream.interim();
        await client.gets('interim');
        client.body('123456789', true);
        await upstream.asked(9);
        upstream.answers();
        await client.gets('answer');
      },
      'proxy_100_continue: true',
    );

    row('Expect: 100-continue, said by us', async (client, upstream) => {
      client.post(['expect', '100-continue']);
      await client.gets('interim');
      client.body('123456789', true);
      await upstream.asked(9);
      assert.doesNotMatch(upstream.saw(), /^expect(?::|\n)/m);
      upstream.answers();
      await client.gets('answer');
    });

    row(
      'Expect: 100-continue, and an answer in its place',
      async (client, upstream) => {
        client.post(['expect', '100-continue']);
        await upstream.asked(0);
        upstream.answers();
        await client.gets('answer');
        await upstream.cancelled();
      },
      'proxy_100_continue: true',
    );
  });
