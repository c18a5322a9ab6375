// Upstreams of HTTP/2 that leave, refuse, take few streams, or read and write when they like: what becomes of the
// requests that are under way (rows X18 to X20, windows).

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { held } from '../../../sidecar/http/held.ts';
import { OverloadStats } from '../../../sidecar/telemetry/cells/overload.ts';
import { manualClock } from '../../manual-clock.ts';
import { eventually } from '../../mesh/discovery.ts';
import { openClient } from '../../mesh/client.ts';
import { polled } from '../h1/ours.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import { http2Upstream } from './lanes.ts';
import type { Heard, Peer } from './peer.ts';
import { BodySender, pathOf, SLOW, story, type Story } from './story.ts';

const ALL_STREAMS = 2 ** 31 - 1;
const ok = (id: number) => Buffer.concat([f.headers(id, f.response(200), false), f.data(id, 'ok')]);
const get = (id: number) => f.headers(id, f.request('GET', SLOW));
const post = (id: number) => Buffer.concat([f.headers(id, f.request('POST', SLOW), false), f.data(id, `body ${id}`)]);
const FLAGS = `- match: {prefix: /}
  route: {cluster: o1}
  response_headers_to_add: [{header: {key: x-flags, value: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}}]`;

/** `count` requests have come to an upstream connection, whole. */
async function asked({ origin }: Story, connection: number, count: number): Promise<Peer> {
  const whole = () => [...(origin.peers[connection]?.streams.values() ?? [])].filter((one) => one.ended);
  await origin.until(() => whole().length >= count, `${count} requests on connection ${connection}`);
  return origin.peers[connection] as Peer;
}

async function answered(peer: Peer, ...ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    const heard = await peer.over(id);
    assert.deepEqual([heard.status, heard.text, heard.ended], [200, 'ok', true], peer.summary());
  }
}

describe('X18 GOAWAY with requests beyond the last that is served', () => {
  it('those go elsewhere, with their bodies; the others come to their end', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    peer.send(get(1), post(3), get(5), post(7));
    const first = await asked(s, 0, 4);
    first.send(f.goaway(3, f.ERROR.NONE));
    const second = await asked(s, 1, 2);
    const [a, b] = [...second.streams.values()] as [Heard, Heard];
    assert.deepEqual([a.text, b.text].sort(), ['', 'body 7']);
    second.send(ok(1), ok(3));
    await answered(peer, 5, 7);
    assert.equal(first.closed, false);
    first.send(ok(1), ok(3));
    await answered(peer, 1, 3);
    await s.origin.until(() => first.closed, 'the end of the connection that was left');
    assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_active'), 0);
  });

  it('once: who is refused a second time is told so', async (t) => {
    const s = await story(t, { routes: FLAGS });
    s.origin.onRequest = (upstream) => upstream.send(f.goaway(0, f.ERROR.NONE));
    const peer = await s.connected();
    peer.send(post(1));
    const heard = await peer.over(1);
    assert.equal(heard.status, 503);
    assert.equal(heard.field('x-flags'), 'UR upstream_reset_before_response_started{remote_refused_stream_reset}');
    assert.match(heard.text, /reset reason: remote refused stream reset$/);
    assert.equal(s.origin.peers.length, 2);
  });

  it('with an error too', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    peer.send(get(1));
    const first = await asked(s, 0, 1);
    first.send(f.goaway(0, f.ERROR.CALM));
    (await asked(s, 1, 1)).send(ok(1));
    await answered(peer, 1);
  });
});

it('X19 GOAWAY twice: at the first nothing new, at the second what is beyond it goes elsewhere', async (t) => {
  const s = await story(t);
  const peer = await s.connected();
  peer.send(get(1), get(3));
  const first = await asked(s, 0, 2);
  first.send(f.goaway(ALL_STREAMS, f.ERROR.NONE));
  await eventually(async () => assert.equal(await figure(s.proxy, 'cluster.o1.upstream_cx_active'), 1));
  for (let i = 0; i < 5; i++) await polled();
  peer.send(f.headers(5, f.request()));
  await answered(peer, 5);
  assert.equal(s.origin.peers.length, 2);
  assert.equal(first.streams.size, 2);
  first.send(f.goaway(1, f.ERROR.NONE));
  const second = await asked(s, 1, 2);
  second.send(ok(3));
  first.send(ok(1));
  await answered(peer, 1, 3);
});

describe('REFUSED_STREAM', () => {
  for (const [name, request] of [
    ['GET', get],
    ['POST with a body', post],
  ] as const)
    it(`${name} is sent once more`, async (t) => {
      const s = await story(t);
      const peer = await s.connected();
      peer.send(request(1));
      const first = await asked(s, 0, 1);
      const { text } = first.stream(1);
      first.send(f.rst(1, f.ERROR.REFUSED_STREAM));
      await s.origin.until(() => first.stream(3).ended, 'the request once more');
      assert.equal(first.stream(3).text, text);
      first.send(ok(3));
      await answered(peer, 1);
    });

  it('and no third time', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) => upstream.send(f.rst(id, f.ERROR.REFUSED_STREAM));
    const peer = await s.connected();
    peer.send(get(1));
    assert.equal((await peer.over(1)).status, 503);
    assert.equal(s.origin.peers[0]?.streams.size, 2);
  });

  it('other resets are not repeated', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) => upstream.send(f.rst(id, f.ERROR.INTERNAL));
    const peer = await s.connected();
    peer.send(get(1));
    assert.equal((await peer.over(1)).status, 503);
    assert.equal(s.origin.peers[0]?.streams.size, 1);
  });
});

describe('X20 an upstream that takes few streams', () => {
  const few = (most: number) => ({ settings: { [f.SETTING.STREAMS]: most } });
  const open = (peer: Peer) =>
    [...peer.streams.values()].filter((one) => pathOf(one) === SLOW && one.reset === null).length;

  /** Requests one at a time on each connection, whatever order they are answered in. */
  function answersLater(s: Story): { most: number } {
    const seen = { most: 0 };
    const open = new Map<Peer, number>();
    s.origin.onRequest = (upstream, id) => {
      const now = (open.get(upstream) ?? 0) + 1;
      open.set(upstream, now);
      seen.most = Math.max(seen.most, now);
      setImmediate(() => {
        open.set(upstream, (open.get(upstream) ?? 0) - 1);
        upstream.send(ok(id));
      });
    };
    return seen;
  }

  it('1: never two at once, and all are served', async (t) => {
    const s = await story(t);
    s.origin.options = few(1);
    const seen = answersLater(s);
    const peer = await s.connected();
    peer.send(get(1));
    await answered(peer, 1);
    const ids = Array.from({ length: 40 }, (_, i) => 2 * i + 3);
    peer.send(...ids.map(get));
    await answered(peer, ...ids);
    assert.equal(seen.most, 1);
  });

  it('1, and many at once before that is known', async (t) => {
    const s = await story(t);
    s.origin.options = few(1);
    const busy = new Set<Peer>();
    s.origin.onRequest = (upstream, id) => {
      if (busy.has(upstream)) upstream.send(f.rst(id, f.ERROR.REFUSED_STREAM));
      else {
        busy.add(upstream);
        setImmediate(() => {
          busy.delete(upstream);
          upstream.send(ok(id));
        });
      }
    };
    const peer = await s.connected();
    const ids = Array.from({ length: 40 }, (_, i) => 2 * i + 1);
    peer.send(...ids.map(post));
    await answered(peer, ...ids);
  });

  it('1, with one connection: the rest waits within the bound of the circuit breaker', async (t) => {
    const more = 'connect_timeout: 1s\ncircuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 3}]}';
    const s = await story(t, { cluster: { o1: http2Upstream('{}', more) }, routes: FLAGS });
    s.origin.options = few(1);
    const peer = await s.connected();
    peer.send(f.headers(1, f.request()));
    await answered(peer, 1);
    const ids = [3, 5, 7, 9, 11, 13];
    peer.send(...ids.map(get));
    for (const id of [11, 13]) assert.match((await peer.over(id)).field('x-flags') ?? '', /^UO /);
    const [upstream] = s.origin.peers as [Peer];
    for (const [i, id] of [3, 5, 7, 9].entries()) {
      await s.origin.until(() => upstream.streams.size === 2 + i, 'the next request');
      upstream.send(ok(2 * i + 3));
      await answered(peer, id);
    }
    assert.equal(s.origin.peers.length, 1);
    assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_pending_active'), 0);
  });

  it('0: another connection is asked, and the wait ends with the request', async (t) => {
    const more = 'connect_timeout: 1s\ncircuit_breakers: {thresholds: [{max_connections: 2}]}';
    const s = await story(t, { cluster: { o1: http2Upstream('{}', more) } });
    const peer = await s.connected();
    peer.send(f.headers(1, f.request()));
    await answered(peer, 1);
    const [first] = s.origin.peers as [Peer];
    first.send(f.settings({ [f.SETTING.STREAMS]: 0 }), f.ping());
    const pings = () => first.types.filter((type) => type === f.TYPE.PING).length;
    await s.origin.until(() => pings() === 1, 'the settings were read');
    s.origin.options = few(0);
    peer.send(f.headers(3, f.request()));
    await answered(peer, 3);
    assert.equal(s.origin.peers.length, 2);
    peer.send(get(5));
    await eventually(async () => assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_pending_active'), 1));
    peer.send(f.rst(5, f.ERROR.CANCEL));
    await eventually(async () => assert.equal(await figure(s.proxy, 'cluster.o1.upstream_rq_pending_active'), 0));
    // There is room again.
    first.send(f.settings({ [f.SETTING.STREAMS]: 1 }));
    peer.send(f.headers(7, f.request()));
    await answered(peer, 7);
    assert.equal(s.origin.peers.length, 2);
  });

  it('lowered in flight: what is open goes on, the next waits or goes elsewhere', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    peer.send(get(1), get(3), get(5));
    const first = await asked(s, 0, 3);
    first.send(f.settings({ [f.SETTING.STREAMS]: 1 }), f.ping());
    await s.origin.until(() => first.types.includes(f.TYPE.PING), 'the settings were read');
    peer.send(f.headers(7, f.request()));
    await answered(peer, 7);
    assert.equal(open(first), 3);
    assert.equal(s.origin.peers.length, 2);
    first.send(ok(1), ok(3), ok(5));
    await answered(peer, 1, 3, 5);
  });
});

describe('ends of one side only', () => {
  it('an answer before the request is over: the client gets it, nothing more is sent', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) => upstream.send(ok(id));
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SLOW), false), f.data(1, 'some', false));
    await answered(peer, 1);
    await peer.until(() => peer.stream(1).reset !== null, 'an end of the request');
    assert.equal(peer.stream(1).reset, f.ERROR.NONE);
    const upstream = (s.origin.peers[0] as Peer).stream(1);
    await s.origin.until(() => upstream.reset !== null, 'an end of the request');
    peer.send(f.data(1, 'late', true), f.headers(3, f.request()));
    await answered(peer, 3);
  });

  it('the same towards HTTP/1.1', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) => upstream.send(ok(id));
    const client = await openClient(s.proxy.port());
    t.after(() => client.close());
    await client.send('POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nsome');
    await client.until((text) => text.includes('ok'));
    assert.match(client.received, /^HTTP\/1\.1 200 OK\r\n/);
  });

  it('answers to a request that the client took back are dropped', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    peer.send(get(1));
    const upstream = await asked(s, 0, 1);
    peer.send(f.rst(1, f.ERROR.CANCEL));
    await s.origin.until(() => upstream.stream(1).reset === f.ERROR.CANCEL, 'RST_STREAM');
    upstream.send(f.headers(1, f.response(200), false), f.data(1, 'late', false), f.headers(1, [['x', '1']]));
    upstream.send(f.windowUpdate(1, 5), f.rst(1, f.ERROR.CANCEL));
    peer.send(f.headers(3, f.request()));
    await answered(peer, 3);
    assert.equal(s.origin.peers.length, 1);
    assert.equal(peer.stream(1).heads.length, 0);
  });
});

describe('windows', () => {
  const WINDOW = 256 * 1024;
  const SIZE = 4 * 1024 * 1024;
  /** What may be under way besides: a read, and what of the window was opened before it showed. */
  const SLACK = 64 * 1024 + WINDOW / 2;

  /** The upstream says all it may of a large body. */
  function sends(s: Story, size: number): BodySender[] {
    const senders: BodySender[] = [];
    s.origin.onRequest = (upstream, id) => {
      upstream.send(f.headers(id, f.response(200), false));
      senders.push(new BodySender(upstream, id, size));
    };
    return senders;
  }

  async function stalled({ origin, proxy }: Story, sender: BodySender): Promise<void> {
    await origin.until(() => sender.window === 0, 'an end of the window');
    await eventually(async () => {
      assert.equal(await figure(proxy, 'cluster.o1.upstream_flow_control_paused_reading_total'), 1);
      assert.equal(sender.window, 0);
    });
  }

  it('a client of HTTP/2 that reads nothing stops the upstream at one window', async (t) => {
    const s = await story(t);
    const senders = sends(s, SIZE);
    const peer = await s.connected({ reads: false });
    peer.send(get(1));
    await peer.until(() => peer.stream(1).length === 65_535, 'one window of the client');
    const [sender] = senders as [BodySender];
    await stalled(s, sender);
    assert.ok(sender.sent <= 65_535 + WINDOW + SLACK, `${sender.sent} bytes`);
    // Other streams go on.
    peer.send(f.windowUpdate(0, SIZE), f.windowUpdate(1, SIZE));
    await peer.over(1);
    assert.deepEqual([peer.stream(1).length, peer.stream(1).ended], [SIZE, true]);
  });

  it('so does one of HTTP/1.1', async (t) => {
    const LARGE = 64 * 1024 * 1024;
    const s = await story(t);
    const senders = sends(s, LARGE);
    const client = await openClient(s.proxy.port());
    t.after(() => client.close());
    client.socket.pause();
    let got = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => {
      got += bytes.length;
    });
    client.socket.pause();
    await client.send('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n');
    await s.origin.until(() => senders.length === 1, 'the request');
    const [sender] = senders as [BodySender];
    await stalled(s, sender);
    assert.ok(sender.sent < LARGE, 'the upstream was stopped');
    client.socket.resume();
    await eventually(() => assert.ok(got > LARGE), 30_000);
    assert.equal(sender.done, true);
  });

  it('an upstream that reads nothing stops the client at one window', async (t) => {
    const s = await story(t);
    s.origin.options = { reads: false };
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SLOW), false));
    await peer.until(() => peer.settings.size > 0, 'SETTINGS');
    const sender = new BodySender(peer, 1, SIZE);
    await peer.until(() => sender.window === 0, 'an end of the window');
    const upstream = s.origin.peers[0] as Peer;
    await s.origin.until(() => upstream.stream(1).length === 65_535, 'one window of the upstream');
    for (let i = 0; i < 20; i++) await polled();
    assert.equal(sender.window, 0);
    // What is kept for another try is let go at the limit of the buffer, 1 MiB.
    assert.ok(sender.sent <= 65_535 + WINDOW + SLACK, `${sender.sent} bytes`);
    upstream.send(f.windowUpdate(0, SIZE), f.windowUpdate(1, SIZE));
    await s.origin.until(() => upstream.stream(1).ended, 'the whole body');
    assert.equal(upstream.stream(1).length, SIZE);
  });

  it('one stream that nobody reads does not stop the others', async (t) => {
    const s = await story(t);
    const senders = sends(s, SIZE);
    const stuck = await s.connected({ reads: false });
    stuck.send(get(1));
    await s.origin.until(() => senders.length === 1, 'the request');
    await stalled(s, senders[0] as BodySender);
    s.origin.onRequest = (upstream, id) => upstream.send(ok(id));
    const peer = await s.connected();
    peer.send(f.headers(1, f.request()));
    await answered(peer, 1);
    assert.equal(s.origin.peers.length, 1);
  });

  it('more than the window of a stream: that stream ends', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) => {
      upstream.send(f.headers(id, f.response(200), false), f.data(id, Buffer.alloc(2 * WINDOW), false));
    };
    const peer = await s.connected({ settings: { [f.SETTING.WINDOW]: 0 } });
    peer.send(get(1));
    const upstream = await asked(s, 0, 1);
    await s.origin.until(() => upstream.stream(1).reset !== null, 'RST_STREAM');
    assert.equal(upstream.stream(1).reset, f.ERROR.FLOW_CONTROL);
    await peer.until(() => peer.stream(1).reset !== null, 'an abort');
    s.origin.onRequest = (to, id) => to.send(ok(id));
    peer.send(f.settings({ [f.SETTING.WINDOW]: 65_535 }), f.headers(3, f.request()));
    await answered(peer, 3);
    assert.equal(s.origin.peers.length, 1);
  });

  it('a window that was not opened for want of memory is opened when there is some', async (t) => {
    const clock = manualClock();
    const s = await story(t, {}, clock);
    const peer = await s.connected();
    await peer.until(() => peer.settings.size > 0, 'SETTINGS');
    peer.send(f.headers(1, f.request('POST', SLOW), false));
    await s.origin.until(() => s.origin.peers[0]?.streams.size === 1, 'the request');
    const LIMIT = 64 * 1024 * 1024;
    held.use({ limitBytes: LIMIT, stats: new OverloadStats() });
    t.after(() => held.use({ limitBytes: Number.POSITIVE_INFINITY, stats: new OverloadStats() }));
    held.add(LIMIT);
    const sender = new BodySender(peer, 1, SIZE);
    await peer.until(() => sender.sent === 1024 * 1024, 'an end of the connection window');
    await s.origin.until(() => s.origin.peers[0]?.stream(1).length === sender.sent, 'all that was sent');
    clock.advance(1000);
    for (let i = 0; i < 5; i++) await polled();
    assert.equal(sender.sent, 1024 * 1024);
    held.add(-LIMIT);
    clock.advance(100);
    await s.origin.until(() => s.origin.peers[0]?.stream(1).ended === true, 'the whole body');
  });

  it('a client that sends more than its window: its stream ends', async (t) => {
    const s = await story(t);
    s.origin.options = { reads: false };
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SLOW), false), f.data(1, Buffer.alloc(3 * WINDOW), false));
    assert.equal((await peer.over(1)).reset, f.ERROR.FLOW_CONTROL);
    await s.origin.until(() => s.origin.peers[0]?.stream(1).reset !== null, 'RST_STREAM');
    peer.send(f.headers(3, f.request()));
    await answered(peer, 3);
  });

  it('settings that take away room that was used up: nothing is sent until it is there again', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (upstream, id) =>
      upstream.send(f.headers(id, f.response(200), false), f.data(id, Buffer.alloc(100_000)));
    const peer = await s.connected({ reads: false });
    peer.send(get(1));
    await peer.until(() => peer.stream(1).length === 65_535, 'one window');
    // 65,535 below nothing.
    peer.send(f.settings({ [f.SETTING.WINDOW]: 0 }), f.windowUpdate(0, 100_000), f.windowUpdate(1, 65_535), f.ping());
    await peer.until(() => peer.types.includes(f.TYPE.PING), 'all was read');
    assert.equal(peer.stream(1).length, 65_535);
    peer.send(f.windowUpdate(1, 1));
    await peer.until(() => peer.stream(1).length === 65_536, 'one byte');
    peer.send(f.settings({ [f.SETTING.WINDOW]: 65_535 }));
    await peer.over(1);
    assert.equal(peer.stream(1).length, 100_000);
  });
});

describe('silence', () => {
  it('an upstream that takes nothing of a request for 30 s: the request ends', async (t) => {
    const clock = manualClock();
    const s = await story(t, { routes: '- {match: {prefix: /}, route: {cluster: o1, timeout: 0s}}' }, clock);
    s.origin.options = { reads: false };
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('POST', SLOW), false), f.data(1, Buffer.alloc(100_000), false));
    await s.origin.until(() => s.origin.peers[0]?.stream(1).length === 65_535, 'one window');
    clock.advance(30_001);
    assert.equal((await peer.over(1)).status, 503);
    assert.equal(await figure(s.proxy, 'cluster.o1.http2.tx_flush_timeout'), 1);
    await s.origin.until(() => s.origin.peers[0]?.stream(1).reset === f.ERROR.CANCEL, 'RST_STREAM');
  });

  it('a PING that an upstream does not answer ends its connection', async (t) => {
    const clock = manualClock();
    const options = '{connection_keepalive: {interval: 10s, timeout: 2s}}';
    const s = await story(t, { cluster: { o1: http2Upstream(options) } }, clock);
    s.origin.options = { answers: false };
    const peer = await s.connected();
    peer.send(get(1));
    const upstream = await asked(s, 0, 1);
    // The first comes somewhere in the interval.
    clock.advance(10_000);
    await s.origin.until(() => upstream.types.includes(f.TYPE.PING), 'a PING');
    clock.advance(2_001);
    assert.equal((await peer.over(1)).status, 503);
    await s.origin.until(() => upstream.closed, 'the end of the connection');
    assert.equal(await figure(s.proxy, 'cluster.o1.http2.keepalive_timeout'), 1);
  });
});
