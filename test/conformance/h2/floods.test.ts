// What a client may make us do: floods, bombs, stalls and silence (rows X). The connection that does it ends, what it
// asked of an upstream is cancelled at once, and others notice nothing.

import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { held } from '../../../sidecar/http/held.ts';
import { manualClock } from '../../manual-clock.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { polled } from '../h1/ours.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import { HTTP2_UPSTREAM } from './lanes.ts';
import { connectPeer, type Peer, type PeerOrigin } from './peer.ts';
import { FLOODS, type FloodRow } from './rows/floods.ts';
import { SLOW, startAnswering, story } from './story.ts';

async function served(peer: Peer, id: number): Promise<void> {
  peer.send(f.headers(id, f.request()));
  const heard = await peer.over(id);
  assert.deepEqual([heard.status, heard.text, heard.ended], [200, 'ok', true], peer.summary());
}

describe('floods', () => {
  let origin: PeerOrigin;
  let proxy: TestProxy;
  let beside: Peer;
  let last = -1;
  const another = () => {
    last += 2;
    return last;
  };
  before(async () => {
    origin = await startAnswering();
    proxy = await startProxy({ origins: { o1: origin.port }, cluster: { o1: HTTP2_UPSTREAM } });
    beside = await connectPeer(proxy.port());
  });
  after(async () => {
    beside.close();
    await proxy.close();
    await origin.close();
  });

  for (const row of FLOODS) it(`${row.id} ${row.means}`, () => floods(row));

  async function floods({ says, counter }: FloodRow): Promise<void> {
    await served(beside, another());
    const { [counter]: counted } = proxy.stats.http2;
    const peer = await connectPeer(proxy.port(), { answers: false });
    peer.send(says);
    await peer.until(() => peer.closed, 'the end of the connection');
    assert.equal(peer.goaways.at(-1)?.code, f.ERROR.CALM, peer.summary());
    assert.equal(proxy.stats.http2[counter], counted + 1);
    await served(beside, another());
    assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0);
    assert.equal(await figure(proxy, 'http.main.downstream_rq_active'), 0);
    const streams = origin.peers.flatMap((one) => [...one.streams.values()]);
    await origin.until(
      () => streams.every((one) => one.reset !== null || one.field(':path') !== SLOW),
      'RST_STREAM for what nobody waits for',
    );
  }
});

const OPEN = (id: number) => f.headers(id, f.request('POST', SLOW), false);

it('X11 1000 open streams: those beyond 100 are refused, the connection goes on', async (t) => {
  const { proxy, connected } = await story(t);
  const peer = await connected();
  const ids = Array.from({ length: 1000 }, (_, i) => 2 * i + 1);
  peer.send(...ids.map(OPEN));
  const refused = () => ids.filter((id) => peer.stream(id).reset === f.ERROR.REFUSED_STREAM);
  await peer.until(() => refused().length === 900, '900 refusals');
  assert.deepEqual(refused(), ids.slice(100));
  assert.equal(proxy.stats.http2.stream_refused_errors, 900);
  assert.equal(await figure(proxy, 'http.main.downstream_rq_active'), 100);
  peer.send(f.rst(1, f.ERROR.CANCEL));
  await served(peer, 2001);
});

it('X11b more streams than a client was told cost nothing but their refusal', async (t) => {
  const { origin, connected } = await story(t, { hcm: 'http2_protocol_options: {max_concurrent_streams: 2}' });
  const peer = await connected();
  peer.send(OPEN(1), OPEN(3), OPEN(5));
  await peer.until(() => peer.stream(5).reset !== null, 'a refusal');
  assert.equal(peer.settings.get(f.SETTING.STREAMS), 2);
  await origin.until(() => (origin.peers[0]?.streams.size ?? 0) === 2, 'two requests');
  assert.deepEqual([peer.stream(1).reset, peer.stream(3).reset], [null, null]);
});

it('X12 a client without windows: streams end after 30 s of nothing taken, and hold no more than their bound', async (t) => {
  const clock = manualClock();
  const routes = '- {match: {prefix: /}, route: {cluster: o1, timeout: 0s}}';
  const { origin, proxy, connected } = await story(t, { routes }, clock);
  const SIZE = 1024 * 1024;
  origin.onRequest = (peer, id) => {
    peer.send(f.headers(id, f.response(200), false));
    peer.send(f.data(id, Buffer.alloc(200 * 1024)));
  };
  origin.options = { settings: { [f.SETTING.WINDOW]: SIZE } };
  const before = held.bytes;
  const peer = await connected({ settings: { [f.SETTING.WINDOW]: 0 } });
  const ids = Array.from({ length: 100 }, (_, i) => 2 * i + 1);
  peer.send(...ids.map((id) => f.headers(id, f.request())));
  await peer.until(() => ids.every((id) => peer.stream(id).status === 200), 'all heads');
  await eventually(() => assert.ok(held.bytes > before, 'something waits'));
  assert.ok(held.bytes - before <= 100 * 256 * 1024, `${held.bytes - before} bytes wait`);
  clock.advance(29_000);
  await polled();
  assert.ok(ids.every((id) => peer.stream(id).reset === null));
  clock.advance(1_001);
  await peer.until(() => ids.every((id) => peer.stream(id).reset !== null), 'the end of all streams');
  assert.equal(held.bytes, before);
  assert.equal(proxy.stats.http2.tx_flush_timeout, 100);
  assert.equal(await figure(proxy, 'cluster.o1.upstream_rq_active'), 0);
});

for (const [id, name] of [
  ['X13', 'x'],
  ['X14', 'cookie'],
] as const)
  it(`${id} an HPACK bomb as ${name}: refused, and the table stays in step`, async (t) => {
    const { origin, connected } = await story(t);
    const peer = await connected();
    const bomb = Buffer.concat([
      f.block(f.request()),
      f.indexed(name, 'v'.repeat(3900)),
      // The newest entry of the table, again and again.
      Buffer.alloc(3000, 0x80 | 62),
    ]);
    peer.send(f.headers(1, bomb));
    const heard = await peer.over(1);
    assert.equal(heard.status, 431, peer.summary());
    peer.send(f.headers(3, Buffer.concat([f.block(f.request()), Buffer.from([0x80 | 62])])));
    assert.equal((await peer.over(3)).text, 'ok');
    const [asked] = [...(origin.peers[0]?.streams.values() ?? [])];
    assert.equal(asked?.field(name)?.length, 3900);
  });

describe('X15 silence at the beginning', () => {
  const ends = async (t: TestContext, says: Buffer, ms: number, codec = 'AUTO') => {
    const clock = manualClock();
    const { proxy, connected } = await story(t, { hcm: `codec_type: ${codec}` }, clock);
    const peer = await connected({ role: 'bare', settings: null, answers: false });
    peer.send(says);
    await eventually(async () => assert.equal(await figure(proxy, 'http.main.downstream_cx_active'), 1));
    for (let i = 0; i < 5; i++) await polled();
    clock.advance(ms - 1);
    await polled();
    assert.equal(peer.closed, false);
    clock.advance(1);
    // Where a goodbye was said, the client has a second to hear it.
    await polled();
    clock.advance(1000);
    await peer.until(() => peer.closed, 'the end of the connection');
    assert.equal(await figure(proxy, 'http.main.downstream_cx_active'), 0);
    return peer;
  };

  it('half a preface', async (t) => void (await ends(t, f.PREFACE.subarray(0, 12), 10_000)));
  it('a preface, and no SETTINGS', async (t) => {
    const peer = await ends(t, f.PREFACE, 10_000);
    assert.equal(peer.goaways.at(-1)?.code, f.ERROR.SETTINGS_TIMEOUT);
  });
  it('nothing, where only HTTP/2 is spoken', async (t) => void (await ends(t, Buffer.alloc(0), 10_000, 'HTTP2')));
  it('half a SETTINGS', async (t) => void (await ends(t, Buffer.concat([f.PREFACE, Buffer.from([0, 0])]), 10_000)));
});

it('X16 a connection that is cut right behind a malformed head', async (t) => {
  const { proxy, connected } = await story(t);
  for (const says of [
    f.headers(1, f.request('GET', '')),
    f.headers(1, Buffer.from([0xff])),
    f.frame(f.TYPE.HEADERS, 0x5, 1, Buffer.alloc(0), 100),
    Buffer.concat([OPEN(1), f.data(1, 'x', false)]),
  ]) {
    const peer = await connected();
    peer.send(says);
    peer.socket.resetAndDestroy();
  }
  await served(await connected(), 1);
  await eventually(async () => assert.equal(await figure(proxy, 'http.main.downstream_rq_active'), 0));
  await eventually(async () => assert.equal(await figure(proxy, 'http.main.downstream_cx_active'), 1));
});

it('what a connection is told before it ends reaches a client that does not close', async (t) => {
  const clock = manualClock();
  const { connected } = await story(t, {}, clock);
  const peer = await connected();
  peer.socket.allowHalfOpen = true;
  peer.send(f.windowUpdate(0, 0));
  await peer.until(() => peer.goaways.length > 0, 'GOAWAY');
  assert.equal(peer.closed, false);
  clock.advance(1000);
  // Ours is closed: what is said now is answered by a reset.
  await eventually(() => {
    peer.send(f.ping());
    assert.equal(peer.closed, true);
  });
});
