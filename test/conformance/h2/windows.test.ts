// A side that reads nothing stops the other at one window, over either version, and nobody else (RFC 9113 5.2).

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
import type { Peer } from './peer.ts';
import { answered, asked, BodySender, ok, SLOW, story, type Story } from './story.ts';

const get = (id: number) => f.headers(id, f.request('GET', SLOW));

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
