// WebSocket and its like between both versions: an upgrade of HTTP/1.1 is an extended CONNECT of HTTP/2 (RFC 8441).
// Bytes go both ways as they are, and each side ends for itself.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { webSocketAccept } from '../../../sidecar/http/websocket.ts';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startOrigin } from '../../mesh/origin.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import { http2Upstream } from './lanes.ts';
import { story, type Story } from './story.ts';
import { polled } from '../h1/ours.ts';
import type { Peer } from './peer.ts';

const HCM = 'upgrade_configs: [{upgrade_type: websocket}]\nhttp2_protocol_options: {allow_connect: true}';
const UPSTREAM = http2Upstream('{allow_connect: true}');
const OFFER = { settings: { [f.SETTING.CONNECT]: 1 } };
const ASKS_HTTP1 =
  'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const ASKS_HTTP2: f.Fields = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'a'],
  [':path', '/ws'],
  ['sec-websocket-version', '13'],
];
/** The answer to the key of a request's head. */
function takesHttp1(head: string): string {
  const key = /^sec-websocket-key: (\S+)\r$/im.exec(head)?.[1] ?? '';
  const fields = `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${webSocketAccept(key)}`;
  return `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`;
}

async function over({ proxy }: Story): Promise<void> {
  await eventually(async () => {
    assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0);
    assert.equal(await figure(proxy, 'http.main.downstream_rq_active'), 0);
  });
}

/** An upstream of HTTP/2 that takes every tunnel and says what it hears back, in capitals. */
async function withHttp2(t: TestContext, hcm = HCM): Promise<Story> {
  const s = await story(t, { hcm, cluster: { o1: UPSTREAM } });
  s.origin.options = OFFER;
  s.origin.onRequest = (peer, id) => {
    peer.send(f.headers(id, f.response(200), false));
    const before = peer.onFrame;
    let said = 0;
    peer.onFrame = (type, on) => {
      before?.(type, on);
      const heard = peer.stream(id);
      const more = heard.text.slice(said).toUpperCase();
      said += more.length;
      if (more !== '') peer.send(f.data(id, more, false));
      if (heard.ended) {
        peer.onFrame = before;
        peer.send(f.data(id, 'BYE'));
      }
    };
  };
  return s;
}

it('HTTP/2 to HTTP/2', async (t) => {
  const s = await withHttp2(t);
  const peer = await s.connected();
  await peer.until(() => peer.settings.get(f.SETTING.CONNECT) === 1, 'an offer');
  peer.send(f.headers(1, ASKS_HTTP2, false));
  await peer.until(() => peer.stream(1).status === 200, 'a tunnel');
  const [upstream] = s.origin.peers;
  assert.equal(upstream?.stream(1).field(':protocol'), 'websocket');
  peer.send(f.data(1, 'one ', false));
  await peer.until(() => peer.stream(1).text === 'ONE ', 'an echo');
  peer.send(f.data(1, 'two '));
  await peer.over(1);
  assert.equal(peer.stream(1).text, 'ONE TWO BYE');
  await over(s);
});

it('HTTP/1.1 to HTTP/2', async (t) => {
  const s = await withHttp2(t);
  const client = await openClient(s.proxy.port());
  t.after(() => client.close());
  await client.send(ASKS_HTTP1);
  await client.until((text) => text.includes('\r\n\r\n'));
  assert.match(client.received, /^HTTP\/1\.1 101 /);
  assert.match(client.received, /\r\nupgrade: websocket\r\n/);
  const upstream = s.origin.peers[0]?.stream(1);
  assert.equal(upstream?.field(':method'), 'CONNECT');
  for (const name of ['upgrade', 'connection', 'sec-websocket-key']) assert.equal(upstream?.field(name), null, name);
  await client.send('hello');
  await client.until((text) => text.endsWith('HELLO'));
  client.close();
  await s.origin.until(() => upstream?.over === true, 'an end');
  await over(s);
});

it('HTTP/2 to HTTP/1.1', async (t) => {
  const origin = await startOrigin(({ head }, __, socket) => {
    socket.on('data', (bytes) => socket.write(bytes.toString('latin1').toUpperCase()));
    return takesHttp1(head);
  });
  t.after(() => origin.close());
  const s = await story(t, { origins: { o1: origin.port }, hcm: HCM, cluster: {} });
  const peer = await s.connected();
  peer.send(f.headers(1, ASKS_HTTP2, false));
  await peer.until(() => peer.stream(1).status === 200, 'a tunnel');
  assert.match(origin.seen[0]?.head ?? '', /^GET \/ws HTTP\/1\.1\r\n/);
  assert.match(origin.seen[0]?.head ?? '', /^upgrade: websocket$/im);
  for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) assert.equal(peer.stream(1).field(name), null);
  peer.send(f.data(1, 'hello', false));
  await peer.until(() => peer.stream(1).text === 'HELLO', 'an echo');
  peer.send(f.rst(1, f.ERROR.CANCEL));
  await eventually(() => assert.equal(origin.sockets[0]?.destroyed, true));
});

describe('what is no tunnel', () => {
  it('an upstream that does not offer it: 502', async (t) => {
    const s = await withHttp2(t);
    s.origin.options = {};
    const client = await openClient(s.proxy.port());
    t.after(() => client.close());
    await client.send(ASKS_HTTP1);
    assert.match(await client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 502 /);
    await over(s);
  });

  it('an upstream that declines: its answer', async (t) => {
    const s = await withHttp2(t);
    s.origin.onRequest = (peer, id) => peer.send(f.headers(id, f.response(404), false), f.data(id, 'none'));
    const peer = await s.connected();
    peer.send(f.headers(1, ASKS_HTTP2, false));
    const heard = await peer.over(1);
    assert.deepEqual([heard.status, heard.text], [404, 'none']);
    await over(s);
  });

  it('what is said before the upstream has said that it offers one waits, ends too', async (t) => {
    const s = await withHttp2(t);
    s.origin.options = { settings: null, answers: false };
    for (const [id, rest] of [
      [1, f.data(1, 'last')],
      [3, f.headers(3, [['x', '1']])],
      [5, f.data(5, 'early', false)],
      [7, f.data(7, '')],
    ] as const) {
      const peer = await s.connected();
      peer.send(f.headers(id, ASKS_HTTP2, false), rest);
      await eventually(async () => assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_active'), 1));
      const upstream = s.origin.peers.at(-1) as Peer;
      for (let i = 0; i < 5; i++) await polled();
      assert.equal(upstream.streams.size, 0);
      upstream.send(f.settings(OFFER.settings));
      await peer.until(() => peer.stream(id).status === 200, 'a tunnel');
      if (id === 5) await peer.until(() => peer.stream(id).text === 'EARLY', 'an echo');
      else await peer.over(id);
      upstream.close();
      await over(s);
    }
  });

  it('an upstream that leaves before it has said anything: 503, and nothing is left', async (t) => {
    const s = await withHttp2(t);
    s.origin.options = { settings: null, answers: false };
    const peer = await s.connected();
    peer.send(f.headers(1, ASKS_HTTP2, false));
    await eventually(async () => assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_active'), 1));
    s.origin.peers[0]?.close();
    assert.equal((await peer.over(1)).status, 503);
    await over(s);
  });

  it('a route without upgrades: 403', async (t) => {
    const s = await withHttp2(t, 'http2_protocol_options: {allow_connect: true}');
    const peer = await s.connected();
    peer.send(f.headers(1, ASKS_HTTP2, false));
    assert.equal((await peer.over(1)).status, 403);
    assert.equal(s.origin.peers.length, 0);
  });
});
