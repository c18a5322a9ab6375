// Fields that are never to be indexed cross the sidecar as such, from HTTP/2 to HTTP/2 (RFC 7541 7.1.3).

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as f from './frames.ts';
import { type Story, story } from './story.ts';

const REQUEST = f.block(f.request('POST', '/d'));
const RESPONSE = f.block(f.response(200));

function join(...pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces);
}

/** What the origin heard on its stream `at`. */
function asked({ origin }: Story, at: number) {
  return [...(origin.peers[0]?.streams.values() ?? [])][at];
}

describe('never indexed', () => {
  it('in a request, its trailers, an answer and its trailers, each time', async (t) => {
    const s = await story(t);
    s.origin.onRequest = (peer, id) =>
      peer.send(
        f.headers(id, join(RESPONSE, f.secret([['x-answer', 'a']])), false),
        f.data(id, 'ok', false),
        f.headers(id, f.secret([['x-last', 'l']])),
      );
    const peer = await s.connected();
    for (const [at, id] of [1, 3, 5].entries()) {
      peer.send(
        f.headers(id, join(REQUEST, f.secret([['x-key', 'k']]), f.block([['x-tea', 't']])), false),
        f.data(id, 'x', false),
        f.headers(id, f.secret([['x-end', 'e']])),
      );
      const heard = await peer.over(id);
      assert.deepEqual(heard.neverIndexed, ['x-answer', 'x-last']);
      assert.deepEqual([heard.field('x-answer'), heard.trailers], ['a', ['x-last', 'l']]);
      const seen = asked(s, at);
      assert.deepEqual(seen?.neverIndexed, ['x-key', 'x-end']);
      assert.deepEqual([seen?.field('x-key'), seen?.field('x-tea'), seen?.trailers], ['k', 't', ['x-end', 'e']]);
    }
  });

  it('a path, and crumbs of a cookie that become one field', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    const secrets = f.secret([
      [':path', '/reset/1234'],
      ['cookie', 'a=1'],
      ['cookie', `b=${'2'.repeat(40)}`],
    ]);
    const [method, scheme, authority] = f.request() as readonly (readonly [string, string])[];
    peer.send(f.headers(1, join(f.block([method, scheme, authority] as f.Fields), secrets)));
    assert.equal((await peer.over(1)).status, 200);
    const seen = asked(s, 0);
    assert.deepEqual(seen?.neverIndexed, [':path', 'cookie']);
    assert.equal(seen?.field('cookie'), `a=1; b=${'2'.repeat(40)}`);
  });

  it('to a second try', async (t) => {
    const s = await story(t, {
      routes: '- {match: {prefix: /}, route: {cluster: o1, retry_policy: {retry_on: 5xx, num_retries: 1}}}',
    });
    let tries = 0;
    s.origin.onRequest = (peer, id) => peer.send(f.headers(id, f.response(++tries === 1 ? 503 : 200)));
    const peer = await s.connected();
    peer.send(f.headers(1, join(REQUEST, f.secret([['x-key', 'k']]))));
    assert.equal((await peer.over(1)).status, 200);
    assert.deepEqual([asked(s, 0)?.neverIndexed, asked(s, 1)?.neverIndexed], [['x-key'], ['x-key']]);
  });

  it('nothing else is', async (t) => {
    const s = await story(t);
    const peer = await s.connected();
    peer.send(f.headers(1, f.request('GET', '/d', ['x-key', 'k'])));
    assert.deepEqual((await peer.over(1)).neverIndexed, []);
    assert.deepEqual(asked(s, 0)?.neverIndexed, []);
  });
});
