// Connections of clients that come to their end by our wish (RFC 9113 6.8): first the word that there is one, and all is
// served; after the drain timeout the last stream is named, and what comes behind it was not processed.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type ManualClock, manualClock } from '../../manual-clock.ts';
import { polled } from '../h1/ours.ts';
import { figure } from './figures.ts';
import * as f from './frames.ts';
import type { Peer } from './peer.ts';
import { SLOW, story, type Story } from './story.ts';

const ALL_STREAMS = 2 ** 31 - 1;
const DRAIN_MS = 7000;
const ok = (id: number) => Buffer.concat([f.headers(id, f.response(200), false), f.data(id, 'ok')]);

interface Drained extends Story {
  readonly clock: ManualClock;
  readonly peer: Peer;
}

/** A connection with an open request on stream 1. */
async function opened(t: TestContext, common: string): Promise<Drained> {
  const clock = manualClock();
  const hcm = `drain_timeout: ${DRAIN_MS / 1000}s\n${common === '' ? '' : `common_http_protocol_options: {${common}}`}`;
  const routes = '- {match: {prefix: /}, route: {cluster: o1, timeout: 0s}}';
  const s = await story(t, { hcm, routes }, clock);
  const peer = await s.connected();
  peer.send(f.headers(1, f.request('GET', SLOW)));
  await s.origin.until(() => s.origin.peers[0]?.streams.size === 1, 'the request');
  return { ...s, clock, peer };
}

async function served(peer: Peer, id: number): Promise<void> {
  peer.send(f.headers(id, f.request()));
  assert.equal((await peer.over(id)).text, 'ok', peer.summary());
}

/** From the first word on. */
async function drains({ peer, clock, origin }: Drained): Promise<void> {
  await peer.until(() => peer.goaways.length === 1, 'GOAWAY');
  assert.deepEqual(peer.goaways, [{ last: ALL_STREAMS, code: f.ERROR.NONE }]);
  await served(peer, 3);
  clock.advance(DRAIN_MS);
  await peer.until(() => peer.goaways.length === 2, 'the last stream');
  assert.deepEqual(peer.goaways[1], { last: 3, code: f.ERROR.NONE });
  // It is not refused: the client knows.
  peer.send(f.headers(5, f.request()), f.ping());
  await peer.until(() => peer.types.includes(f.TYPE.PING), 'all was read');
  for (let i = 0; i < 5; i++) await polled();
  assert.equal(peer.streams.has(5), false);
  assert.equal(peer.closed, false);
  origin.peers[0]?.send(ok(1));
  assert.equal((await peer.over(1)).text, 'ok');
  await peer.until(() => peer.closed, 'the end of the connection');
}

describe('a connection that ends by our wish', () => {
  it('after so many requests', async (t) => {
    const s = await opened(t, 'max_requests_per_connection: 1');
    await drains(s);
    assert.equal(await figure(s.proxy, 'http.main.downstream_cx_max_requests_reached'), 1);
  });

  it('after so long', async (t) => {
    const s = await opened(t, 'max_connection_duration: 60s');
    s.clock.advance(59_999);
    for (let i = 0; i < 5; i++) await polled();
    assert.deepEqual(s.peer.goaways, []);
    s.clock.advance(1);
    await drains(s);
    assert.equal(await figure(s.proxy, 'http.main.downstream_cx_max_duration_reached'), 1);
  });

  it('with its listener', async (t) => {
    const s = await opened(t, '');
    s.proxy.apply({ origins: { o1: s.origin.port }, listener: 'stat_prefix: other' });
    await s.peer.until(() => s.peer.goaways.length === 1, 'GOAWAY');
  });

  it('as its client says that it ends', async (t) => {
    const s = await opened(t, '');
    s.peer.send(f.goaway(0, f.ERROR.NONE));
    await s.peer.until(() => s.peer.goaways.length === 1, 'GOAWAY');
    s.clock.advance(DRAIN_MS);
    await s.peer.until(() => s.peer.goaways.length === 2, 'the last stream');
    s.origin.peers[0]?.send(ok(1));
    assert.equal((await s.peer.over(1)).text, 'ok');
    await s.peer.until(() => s.peer.closed, 'the end of the connection');
  });

  it('for want of requests, but not while one is open', async (t) => {
    const s = await opened(t, 'idle_timeout: 10s');
    s.clock.advance(35_000);
    for (let i = 0; i < 5; i++) await polled();
    assert.deepEqual(s.peer.goaways, []);
    s.origin.peers[0]?.send(ok(1));
    await s.peer.over(1);
    s.clock.advance(20_000);
    await s.peer.until(() => s.peer.goaways.length > 0, 'GOAWAY');
    s.clock.advance(DRAIN_MS);
    await s.peer.until(() => s.peer.closed, 'the end of the connection');
    assert.equal(await figure(s.proxy, 'http.main.downstream_cx_idle_timeout'), 1);
  });
});
