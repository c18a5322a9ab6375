// WebSocket through the sidecar, bridged all four ways between HTTP/1.1 and HTTP/2 (RFC 6455, RFC 8441): the
// handshake as each side has it, bytes both ways, ends and resets, and what is no switch.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { suite, test, type TestContext } from 'node:test';
import { webSocketAccept } from '../../../sidecar/http/websocket.ts';
import { type ManualClock, manualClock } from '../../manual-clock.ts';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { startRelay } from '../../mesh/relay.ts';
import {
  ACCEPT,
  type Asked,
  askOverHttp2,
  askWebSocket,
  type AskOptions,
  End,
  openSession,
  type OriginOptions,
  startWebSocketOrigin,
  type Version,
  type WebSocketOrigin,
  H2_UPSTREAM,
  UPGRADES,
} from '../../mesh/tunnel-end.ts';

const WAYS: readonly (readonly [Version, Version])[] = [
  ['h1', 'h1'],
  ['h1', 'h2'],
  ['h2', 'h1'],
  ['h2', 'h2'],
];

interface Way {
  readonly proxy: TestProxy;
  readonly origin: WebSocketOrigin;
  readonly ask: (options?: AskOptions) => Promise<End>;
}

interface WayOptions extends OriginOptions {
  readonly pieces?: Partial<BootstrapPieces>;
  readonly clock?: ManualClock;
}

async function way(t: TestContext, from: Version, to: Version, options: WayOptions = {}): Promise<Way> {
  const { pieces = {}, clock, accept = webSocketAccept, announces = true } = options;
  const origin = await startWebSocketOrigin(to, { accept, announces });
  t.after(() => origin.close());
  const proxy = await startProxy(
    { origins: { o: origin.port }, hcm: UPGRADES, cluster: to === 'h2' ? { o: H2_UPSTREAM } : {}, ...pieces },
    clock === undefined ? {} : { clock },
  );
  t.after(() => proxy.close());
  const ask = async (asked?: AskOptions) => {
    const end = await askWebSocket(from, proxy.port(), asked);
    t.after(() => end.stream.destroy());
    return end;
  };
  return { proxy, origin, ask };
}

/** A tunnel that stands. */
async function tunnel(t: TestContext, from: Version, to: Version, options: WayOptions = {}) {
  const made = await way(t, from, to, options);
  const client = await made.ask();
  const asked = await made.origin.next();
  asked.grant();
  assert.equal(await client.answered(), from === 'h1' ? 101 : 200);
  return { ...made, client, upstream: asked.end };
}

/** What the upstream saw of the handshake. */
function checkAsked(version: Version, { end: { fields } }: Asked): void {
  assert.equal(fields['sec-websocket-version'], '13');
  if (version === 'h1') {
    assert.equal(fields['line'], 'GET /ws HTTP/1.1');
    assert.equal(fields['upgrade'], 'websocket');
    assert.equal(fields['connection'], 'upgrade');
    assert.match(String(fields['sec-websocket-key']), /^[A-Za-z0-9+/]{22}==$/);
    return;
  }
  assert.equal(fields[':method'], 'CONNECT');
  assert.equal(fields[':protocol'], 'websocket');
  assert.equal(fields[':path'], '/ws');
  assert.equal(fields[':authority'], 'ws.test');
  for (const name of ['sec-websocket-key', 'upgrade', 'connection']) assert.equal(fields[name], undefined);
}

/** What the client saw of it. */
function checkGranted(version: Version, { status, fields }: End): void {
  if (version === 'h1') {
    assert.equal(status, 101);
    assert.equal(fields['sec-websocket-accept'], ACCEPT);
    assert.equal(String(fields['upgrade']).toLowerCase(), 'websocket');
    return;
  }
  assert.equal(status, 200);
  for (const name of ['sec-websocket-accept', 'upgrade', 'connection']) assert.equal(fields[name], undefined);
}

for (const [from, to] of WAYS) {
  suite(`${from} -> ${to}`, () => {
    test('a handshake as each side has it, and bytes both ways', async (t) => {
      const { proxy, origin, ask } = await way(t, from, to);
      const client = await ask({ fields: { 'sec-websocket-protocol': 'chat' } });
      const asked = await origin.next();
      checkAsked(to, asked);
      assert.equal(asked.end.fields['sec-websocket-protocol'], 'chat');
      asked.grant({ 'sec-websocket-protocol': 'chat' }, 'at once');
      await client.answered();
      checkGranted(from, client);
      assert.equal(client.fields['sec-websocket-protocol'], 'chat');
      await client.hears('at once');
      const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
      client.say(bytes);
      await asked.end.hears(bytes);
      asked.end.say(bytes);
      await client.hears(`at once${bytes}`);
      const { downstream_cx_upgrades_total, downstream_cx_upgrades_active } = proxy.stats.http('main');
      assert.deepEqual([downstream_cx_upgrades_total, downstream_cx_upgrades_active], [1, 1]);
    });

    test('the client ends first, the upstream has more to say', async (t) => {
      const { proxy, client, upstream } = await tunnel(t, from, to);
      client.say('last').end();
      await upstream.endsAfter('last');
      upstream.say('and I');
      await client.hears('and I');
      upstream.say(' too').end();
      await client.endsAfter('and I too');
      assert.equal(proxy.stats.http('main').downstream_cx_upgrades_active, 0);
    });

    test('the upstream ends first, the client has more to say', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      upstream.say('last').end();
      await client.endsAfter('last');
      client.say('and I');
      await upstream.hears('and I');
      client.say(' too').end();
      await upstream.endsAfter('and I too');
    });

    test('a reset of the client is one for the upstream', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      client.say('x');
      await upstream.hears('x');
      client.abort();
      await upstream.isCut();
    });

    test('a reset of the upstream is one for the client', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      upstream.say('x');
      await client.hears('x');
      upstream.abort();
      await client.isCut();
    });

    test('a reset after an end is still one', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      upstream.end();
      await client.endsAfter('');
      client.abort();
      await upstream.isCut();
    });

    test('P15: bytes before it is granted wait', async (t) => {
      const { origin, ask } = await way(t, from, to);
      const client = await ask({ early: 'early' });
      const asked = await origin.next();
      // Whatever is passed on comes before the next exchange's request does.
      await ask();
      await origin.next();
      assert.equal(asked.end.heard, '');
      asked.grant();
      await asked.end.hears('early');
      client.say(' late');
      await asked.end.hears('early late');
    });

    test('P15: and go nowhere where it is not granted', async (t) => {
      const { origin, ask } = await way(t, from, to);
      const client = await ask({ early: 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n' });
      const asked = await origin.next();
      asked.answer(403, 'no');
      assert.equal(await client.answered(), 403);
      await client.endsAfter('no');
      assert.equal(asked.end.heard, '');
      assert.equal(origin.asked.length, 1);
    });

    test('P17: a 426 is an answer', async (t) => {
      const { origin, ask } = await way(t, from, to);
      const client = await ask();
      (await origin.next()).answer(426, 'not so');
      assert.equal(await client.answered(), 426);
      await client.hears('not so');
    });

    test('P14: where it is not let through, nobody hears of it', async (t) => {
      const { proxy, origin } = await way(t, from, to, {
        pieces: {
          hcm: 'http2_protocol_options: {allow_connect: true}',
          routes: '- {match: {prefix: /}, route: {cluster: o}}',
        },
      });
      const client = await askWebSocket(from, proxy.port(), { early: 'early' });
      t.after(() => client.stream.destroy());
      assert.equal(await client.answered(), 403);
      assert.equal(origin.asked.length, 0);
      assert.equal(proxy.stats.http('main').downstream_rq_ws_on_non_ws_route, 1);
    });

    test('P18: a version that is not spoken, a key that is none', async (t) => {
      const { origin, ask } = await way(t, from, to);
      const old = await ask({ fields: { 'sec-websocket-version': '8' } });
      assert.equal(await old.answered(), 426);
      assert.equal(old.fields['sec-websocket-version'], '13');
      for (const key of ['dGhlIHNhbXBsZQ==', 'dGhlIHNhbXBsZSBub25jZR==', 'x']) {
        const bad = await ask({ fields: { 'sec-websocket-key': key } });
        assert.equal(await bad.answered(), 400);
      }
      assert.equal(origin.asked.length, 0);
    });

    test('W06: a tunnel in which nothing happens ends, one in which something does lives on', async (t) => {
      const clock = manualClock();
      const hcm = `${UPGRADES}\nstream_idle_timeout: 10s`;
      const { client, upstream } = await tunnel(t, from, to, { clock, pieces: { hcm } });
      clock.advance(9_000);
      client.say('x');
      await upstream.hears('x');
      clock.advance(9_000);
      upstream.say('y');
      await client.hears('y');
      clock.advance(9_000);
      client.say('z');
      await upstream.hears('xz');
      clock.advance(10_500);
      await client.isCut();
      await upstream.isCut();
    });

    test('the time for an answer does not run in a tunnel that is half over', async (t) => {
      const clock = manualClock();
      const routes = '- {match: {prefix: /}, route: {cluster: o, timeout: 5s}}';
      const { client, upstream } = await tunnel(t, from, to, { clock, pieces: { routes } });
      client.end();
      await upstream.endsAfter('');
      clock.advance(30_000);
      upstream.say('still here').end();
      await client.endsAfter('still here');
    });

    test('W06: whoever does not read is not sent to without end, and nothing is lost', async (t) => {
      const { client, upstream } = await tunnel(t, from, to);
      for (const [writer, reader] of [
        [client, upstream],
        [upstream, client],
      ] as const)
        await checkBackpressure(writer, reader);
    });
  });
}

const PIECE = 256 * 1024;
const PIECES = 256;
/** More than all the buffers of sockets and windows on the way. */
const MOST_TAKEN = 40 * 1024 * 1024;

async function checkBackpressure(writer: End, reader: End): Promise<void> {
  reader.stream.removeAllListeners('data');
  reader.stream.pause();
  const [sent, got] = [createHash('sha256'), createHash('sha256')];
  let taken = 0;
  const all = (async () => {
    for (let i = 0; i < PIECES; i++) {
      const piece = randomBytes(PIECE);
      sent.update(piece);
      if (!writer.stream.write(piece)) await once(writer.stream, 'drain');
      taken += PIECE;
    }
  })();
  await stands(() => taken);
  assert.ok(taken < MOST_TAKEN, `${taken} bytes were taken from the writer`);
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  reader.stream.on('data', (bytes: Buffer) => {
    got.update(bytes);
    length += bytes.length;
    if (length === PIECE * PIECES) resolve();
  });
  reader.stream.resume();
  await all;
  await promise;
  assert.equal(got.digest('hex'), sent.digest('hex'));
}

/** Until a number has not changed over many turns. */
async function stands(read: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 200; same++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() !== last) same = 0;
    last = read();
  }
}

suite('what only one side has', () => {
  test('an HTTP/1.1 upstream whose answer does not belong to our key', async (t) => {
    const { origin, ask } = await way(t, 'h2', 'h1', { accept: () => ACCEPT });
    const client = await ask({ early: 'early' });
    const asked = await origin.next();
    asked.grant();
    assert.equal(await client.answered(), 502);
    assert.equal(asked.end.heard, '');
  });

  test('a success that is no switch is none over HTTP/2 either', async (t) => {
    const { origin, ask } = await way(t, 'h2', 'h1');
    const client = await ask();
    (await origin.next()).answer(200, 'hello');
    assert.equal(await client.answered(), 502);
  });

  test('an HTTP/2 upstream that has not announced extended CONNECT', async (t) => {
    for (const from of ['h1', 'h2'] as const) {
      const { proxy, origin, ask } = await way(t, from, 'h2', { announces: false });
      const client = await ask();
      assert.equal(await client.answered(), 502);
      await client.until(() => client.heard.length > 0, 'a body');
      assert.match(client.heard, /extended CONNECT not announced/);
      assert.equal(origin.asked.length, 0);
      const host = [...(proxy.runtime.clusters.get('o')?.hosts.values() ?? [])][0];
      assert.equal(host?.stats.rq_error, 0);
    }
  });

  test('SETTINGS that come late are waited for', async (t) => {
    const origin = await startWebSocketOrigin('h2');
    const relay = await startRelay(origin.port);
    relay.stopReading('down');
    const proxy = await startProxy({ origins: { o: relay.port }, hcm: UPGRADES, cluster: { o: H2_UPSTREAM } });
    t.after(async () => {
      await proxy.close();
      await relay.close();
      await origin.close();
    });
    const client = await askWebSocket('h1', proxy.port());
    t.after(() => client.stream.destroy());
    const { stats } = proxy.runtime.clusters.get('o') ?? assert.fail('no cluster');
    await stands(() => stats.upstream_rq_active + relay.passed('up'));
    assert.equal(stats.upstream_rq_active, 1);
    assert.equal(client.status, 0);
    relay.heal();
    (await origin.next()).grant();
    assert.equal(await client.answered(), 101);
  });

  test('SETTINGS that do not come are not waited for without end', async (t) => {
    const clock = manualClock();
    const origin = await startWebSocketOrigin('h2');
    const relay = await startRelay(origin.port);
    relay.stopReading('down');
    const proxy = await startProxy(
      { origins: { o: relay.port }, hcm: UPGRADES, cluster: { o: H2_UPSTREAM } },
      { clock },
    );
    t.after(async () => {
      await proxy.close();
      await relay.close();
      await origin.close();
    });
    const client = await askWebSocket('h1', proxy.port());
    t.after(() => client.stream.destroy());
    const active = () => proxy.runtime.clusters.get('o')?.stats.upstream_rq_active ?? 0;
    await stands(() => active() + relay.passed('up'));
    assert.equal(active(), 1);
    clock.advance(5_001);
    assert.equal(await client.answered(), 502);
  });

  test('RFC 8441 3: nothing is announced where no WebSocket is let through', async (t) => {
    const { proxy } = await way(t, 'h2', 'h1', { pieces: { hcm: 'server_name: x' } });
    const session = await openSession(proxy.port());
    assert.equal(session.remoteSettings.enableConnectProtocol, false);
    session.destroy();
  });

  test('it is announced where a route alone lets one through', async (t) => {
    const routes = '- {match: {prefix: /}, route: {cluster: o, upgrade_configs: [{upgrade_type: websocket}]}}';
    const { proxy, origin } = await way(t, 'h2', 'h1', { pieces: { hcm: 'server_name: x', routes } });
    const client = askOverHttp2(await openSession(proxy.port()));
    t.after(() => client.stream.destroy());
    (await origin.next()).grant();
    assert.equal(await client.answered(), 200);
  });

  test('P16: an extended CONNECT with a length', async (t) => {
    const { origin, ask } = await way(t, 'h2', 'h1');
    const client = await ask({ fields: { 'content-length': '5' } });
    await client.until(() => client.closed, 'the end');
    assert.ok(client.status === 400 || client.broken);
    assert.equal(origin.asked.length, 0);
  });

  test('a client that ends with its request ends after what is granted', async (t) => {
    const { proxy, origin } = await way(t, 'h2', 'h1');
    const session = await openSession(proxy.port());
    const asked = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/ws' };
    const client = new End(session.request({ ...asked, ':authority': 'ws.test' }, { endStream: true })).listen();
    const request = await origin.next();
    assert.equal(request.end.ended, false);
    request.grant();
    await request.end.endsAfter('');
    request.end.say('bye').end();
    await client.endsAfter('bye');
    session.close();
  });
});
