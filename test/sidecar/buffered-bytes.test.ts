// The bound on all bytes of bodies that wait in the process: it is kept; new requests are refused at it and
// nobody else pays; whatever way an exchange ends, its bytes are given back.

import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { defaultMaxBuffered, readMaxBuffered } from '../../sidecar/buffered.ts';
import { UsageError } from '../../sidecar/flags.ts';
import { until } from '../../examples/tea-shop/ask.ts';
import { openClient, type RawClient } from '../mesh/client.ts';
import { STEP_BYTES } from '../../sidecar/http/held.ts';
import { answer, type Origin, startOrigin } from '../mesh/origin.ts';
import { type BootstrapPieces, bootstrapText } from '../mesh/proxy.ts';
import { type AdminPages, runSidecar } from './concurrency/process.ts';

const MIB = 1024 * 1024;
const LIMIT = MIB;
const FLAGS = ['--max-buffered-mib', '1', '--file-flush-interval-msec', '20'];
/** More than the system keeps for two sockets. */
const LARGE = 24 * MIB;
/** More stalled clients than the bound has room for. */
const MANY = 40;
/** What one connection may hold beyond: a full socket and one read. */
const SLACK = 256 * 1024;
const LOG = `access_log: [{name: out, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format_source: {inline_string: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n"}}}}]`;

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
}

async function start(t: TestContext, pieces: Partial<BootstrapPieces>, script: Origin['script'], flags: string[] = []) {
  const origin = await startOrigin(script);
  t.after(() => origin.close());
  const text = bootstrapText({ origins: { o1: origin.port }, hcm: LOG, ...pieces });
  const sidecar = await runSidecar(t, text, [...FLAGS, ...flags]);
  return { origin, port: await sidecar.pages.port(), ...sidecar };
}

function buffered(pages: AdminPages): Promise<number> {
  return pages.stat('overload.buffered_bytes');
}

async function untilBuffered(pages: AdminPages, good: (bytes: number) => boolean): Promise<void> {
  let bytes = -1;
  await until('the bytes that wait', async () => {
    bytes = await buffered(pages);
    if (!good(bytes)) throw new Error(`${bytes} wait`);
    return true;
  });
}

/** Asks for a large answer and does not read it. */
class SlowReader {
  readonly #socket: Socket;
  #bytes = 0;
  #head: string | null = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  #read(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#head === null) return;
    this.#head += bytes.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) return;
    this.#bytes -= end + 4;
    this.#head = null;
  }

  static async open(port: number): Promise<SlowReader> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(get('/large'));
    return new SlowReader(socket);
  }

  /** Bytes of the body. */
  async readAll(): Promise<number> {
    this.#socket.resume();
    await until('the rest of a large answer', async () => this.#bytes >= LARGE);
    this.close();
    return this.#bytes;
  }

  close(): void {
    this.#socket.destroy();
  }
}

const large = Buffer.alloc(LARGE, 'x');
const LARGE_HEAD = `HTTP/1.1 200 OK\r\ncontent-length: ${LARGE}\r\n\r\n`;

const largeOrOk: Origin['script'] = ({ head }, _, socket) => {
  if (!head.startsWith('GET /large')) return answer('ok');
  socket.write(LARGE_HEAD);
  socket.write(large);
  return null;
};

/** Clients that stall, until there is room for no more. */
async function fill(pages: AdminPages, port: number): Promise<SlowReader[]> {
  const readers: SlowReader[] = [];
  while ((await buffered(pages)) < LIMIT && readers.length < MANY) {
    const before = await buffered(pages);
    readers.push(await SlowReader.open(port));
    await untilBuffered(pages, (bytes) => bytes > before);
  }
  return readers;
}

function overloaded(pages: AdminPages): Promise<number> {
  return pages.stat('http.main.downstream_rq_overload_close');
}

/** Threads know of each other in steps: a little more is needed before each of them sees the bound. */
async function topUp(pages: AdminPages, port: number, bytes: number): Promise<SlowReader[]> {
  const readers: SlowReader[] = [];
  while ((await buffered(pages)) < bytes && readers.length < MANY) {
    const before = (await buffered(pages)) + (await overloaded(pages));
    readers.push(await SlowReader.open(port));
    await until(
      'another one taken or refused',
      async () => (await buffered(pages)) + (await overloaded(pages)) > before,
    );
  }
  return readers;
}

async function ask(client: RawClient, path = '/'): Promise<string> {
  const before = client.received.length;
  await client.send(get(path));
  const got = await client.until((text) => /(?:ok|overloaded)$/.test(text.slice(before)));
  return got.slice(before);
}

for (const threads of [1, 2]) {
  test(`clients that do not read, ${threads} thread(s)`, { timeout: 120_000 }, async (t) => {
    const { port, pages, said } = await start(t, {}, largeOrOk, ['--concurrency', String(threads)]);
    const known = await openClient(port);
    t.after(() => known.close());
    assert.match(await ask(known), /^HTTP\/1.1 200 /);
    const readers = await fill(pages, port);
    t.after(() => {
      for (const reader of readers) reader.close();
    });

    const bytes = await buffered(pages);
    assert.ok(bytes >= LIMIT && bytes < LIMIT + SLACK, `${bytes} wait`);
    assert.equal(await pages.stat('overload.buffered_bytes_limit'), LIMIT);
    const extras = await topUp(pages, port, LIMIT + (threads - 1) * STEP_BYTES);
    t.after(() => {
      for (const reader of extras) reader.close();
    });
    const refusals = await overloaded(pages);
    const refused = await ask(known);
    assert.match(refused, /^HTTP\/1.1 503 Service Unavailable\r\n/);
    assert.match(refused, /\r\n\r\nenvoy overloaded$/);
    assert.doesNotMatch(refused, /connection: close/);
    for (let n = 0; n < 10; n++) {
      const client = await openClient(port);
      assert.match(await ask(client), /^HTTP\/1.1 503 /, `connection ${n}`);
      client.close();
    }
    assert.equal((await overloaded(pages)) - refusals, 11);
    await until('the log', async () => said.stdout.includes('503 OM overload\n'));
    assert.equal(await pages.get('/ready'), 'LIVE\n');

    // Who was slow is not cut off, and when all have read there is room again.
    for (const reader of extras) reader.close();
    for (const reader of readers) assert.equal(await reader.readAll(), LARGE);
    await untilBuffered(pages, (left) => left === 0);
    assert.match(await ask(known), /^HTTP\/1.1 200 /);
  });
}

const BODY = 'b'.repeat(300_000);

function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`;
}

/** One connection, which a first request has for as long as the test says. */
const ONE_CONNECTION = {
  cluster: { o1: 'circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 100}]}' },
};

test('uploads that wait for a connection are not read on, and lose nothing', { timeout: 120_000 }, async (t) => {
  let free = () => {};
  const { origin, port, pages } = await start(t, ONE_CONNECTION, ({ head, body }, _, socket) => {
    if (!head.startsWith('GET /hold')) return answer(`${body.length} ok`);
    free = () => void socket.write(answer('held ok'));
    return null;
  });
  const holder = await openClient(port);
  await holder.send(get('/hold'));
  await until('the holder', async () => origin.seen.length === 1);
  const clients: RawClient[] = [];
  for (let n = 0; n < 8; n++) {
    const client = await openClient(port);
    // All are let in before there is too much.
    await client.send(post('/', BODY), BODY.slice(0, 10));
    clients.push(client);
  }
  t.after(() => {
    for (const client of [holder, ...clients]) client.close();
  });
  await untilBuffered(pages, (bytes) => bytes === 80);
  for (const client of clients) await client.send(BODY.slice(10));
  await until('a client that is not read from', async () => (await pages.stat('overload.reading_stopped')) > 0);
  await untilBuffered(pages, (bytes) => bytes >= LIMIT);
  const bytes = await buffered(pages);
  assert.ok(bytes < LIMIT + clients.length * 64 * 1024, `${bytes} wait`);
  const late = await openClient(port);
  assert.match(await ask(late), /^HTTP\/1.1 503 /);

  free();
  for (const client of clients) {
    const got = await client.until((text) => text.endsWith('ok'));
    assert.match(got, /^HTTP\/1.1 200 OK\r\n.*\r\n\r\n300000 ok$/s);
  }
  assert.deepEqual(new Set(origin.seen.slice(1).map(({ body }) => body)), new Set([BODY]));
  await untilBuffered(pages, (left) => left === 0);
  assert.match(await ask(late), /^HTTP\/1.1 200 /);
  late.close();
});

test('copies that are kept for another try are let go, and their requests go on', { timeout: 120_000 }, async (t) => {
  const routes = '- {match: {prefix: /}, route: {cluster: o1, timeout: 0s, retry_policy: {retry_on: 5xx}}}';
  const { port, pages } = await start(t, { routes }, ({ body }) => answer(`${body.length} ok`));
  const clients = await Promise.all(Array.from({ length: 6 }, () => openClient(port)));
  t.after(() => {
    for (const client of clients) client.close();
  });
  for (const client of clients) await client.send(post('/', BODY), BODY.slice(0, 1));
  await untilBuffered(pages, (bytes) => bytes === clients.length);
  for (const client of clients) await client.send(BODY.slice(1, -1));
  await until('a copy that is let go', async () => (await pages.stat('overload.copies_dropped')) > 0);
  assert.ok((await buffered(pages)) < LIMIT + SLACK);
  for (const client of clients) {
    await client.send(BODY.slice(-1));
    assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1.1 200 OK\r\n.*\r\n\r\n300000 ok$/s);
  }
  await untilBuffered(pages, (left) => left === 0);
});

/** An upstream that accepts and never reads. */
async function startDeaf(t: TestContext): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('whatever way an exchange ends, its bytes are given back', () => {
  /** Brings bytes to wait, and ends the exchange when told to. */
  const ways: Readonly<Record<string, (port: number) => Promise<RawClient>>> = {
    'an upload that waits for a connection, its client goes': async (port) => {
      const client = await openClient(port);
      await client.send(post('/', BODY), BODY.slice(0, -1));
      return client;
    },
    'a copy for another cluster, its request is never whole': async (port) => {
      const client = await openClient(port);
      await client.send(post('/mirrored', BODY), BODY.slice(0, -1));
      return client;
    },
    'requests that came early, their client goes': async (port) => {
      const client = await openClient(port);
      await client.send(get('/hold'), post('/', BODY), BODY.slice(0, 30_000));
      return client;
    },
    'an answer that is not read, its client goes': async (port) => {
      const client = await openClient(port);
      client.socket.pause();
      await client.send(get('/large'));
      return client;
    },
    // A client that is not read from is not seen to go: time has to end it.
    'an upload that an upstream does not read, until its time is over': async (port) => {
      const client = await openClient(port);
      await client.send(post('/deaf', large.toString('latin1')), large);
      return client;
    },
  };
  const routes = `- match: {prefix: /mirrored}
  route: {cluster: o1, request_mirror_policies: [{cluster: o2}]}
- {match: {prefix: /deaf}, route: {cluster: deaf, idle_timeout: 2s}}
- {match: {prefix: /hold}, route: {cluster: o1}}
- {match: {prefix: /large}, route: {cluster: free}}
- {match: {prefix: /}, route: {cluster: o1}}`;

  for (const [name, begin] of Object.entries(ways)) {
    test(name, { timeout: 120_000 }, async (t) => {
      const silent = await startOrigin(() => null);
      const deaf = await startDeaf(t);
      const free = await startOrigin(largeOrOk);
      t.after(() => Promise.all([silent, free].map((origin) => origin.close())));
      const { port, pages } = await start(
        t,
        {
          origins: { o1: silent.port, o2: silent.port, deaf, free: free.port },
          routes,
          ...(name.startsWith('an upload that waits') ? ONE_CONNECTION : {}),
        },
        () => null,
      );
      const holder = await openClient(port);
      await holder.send(get('/hold'));
      await until('the holder', async () => silent.seen.length === 1);
      const client = await begin(port);
      await untilBuffered(pages, (bytes) => bytes > 0);
      client.close();
      await untilBuffered(pages, (left) => left === 0);
      holder.close();
    });
  }
});

test('the default is a share of the memory that there is for us', () => {
  assert.equal(defaultMaxBuffered(8 * 1024 * MIB, 0), 2 * 1024 * MIB);
  assert.equal(defaultMaxBuffered(8 * 1024 * MIB, 256 * MIB), 64 * MIB);
  assert.equal(defaultMaxBuffered(8 * 1024 * MIB, 2 ** 64), 2 * 1024 * MIB);
  assert.equal(readMaxBuffered(null), null);
  assert.equal(readMaxBuffered('3'), 3 * MIB);
  for (const bad of ['0', '-1', '1.5', 'many', '']) assert.throws(() => readMaxBuffered(bad), UsageError);
});
