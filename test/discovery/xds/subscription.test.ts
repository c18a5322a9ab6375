// The rules of xds.md 1.2 and 1.3, one test each; numbers are those of that list.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference } from '../../../discovery/xds/difference.ts';
import { type Ask, onRequest, onSent, refresh, type Subscription } from '../../../discovery/xds/subscription.ts';
import { resource, resources } from './resources.ts';

const FULL = { fullState: true, legacyWildcard: true };
const NAMED = { fullState: false, legacyWildcard: true };
const NOTHING = new Map();

function ask(names: readonly string[], nonce = '', error: string | null = null, version = ''): Ask {
  return { names, nonce, version, error };
}

/** Applies requests in turn; each is answered by a response with the next nonce when `answer` says so. */
function after(rules: typeof FULL, ...asks: readonly Ask[]): Subscription {
  let subscription: Subscription | null = null;
  for (const one of asks) {
    subscription = onRequest(subscription, one, rules).next;
    if (subscription.pending === null) subscription = onSent(subscription, [], [], String(asks.indexOf(one) + 1), 'v');
  }
  return subscription as Subscription;
}

function sent(subscription: Subscription, contents: Record<string, string>, nonce: string): Subscription {
  return onSent(subscription, [...resources(contents).values()], [], nonce, `v${nonce}`);
}

test('39: an empty first request for LDS and CDS means everything', () => {
  const { next, outcome } = onRequest(null, ask([]), FULL);
  assert.equal(outcome, 'subscribe');
  assert.equal(next.wildcard, true);
  assert.equal(next.owed, true);
});

test('42: an empty first request for EDS, RDS, SDS means no interest', () => {
  const { next } = onRequest(null, ask([]), NAMED);
  assert.equal(next.wildcard, false);
  assert.equal(next.owed, false);
});

test('43: a gRPC client never means everything with an empty list', () => {
  assert.equal(onRequest(null, ask([]), { fullState: true, legacyWildcard: false }).next.wildcard, false);
  assert.equal(onRequest(null, ask(['*']), { fullState: true, legacyWildcard: false }).next.wildcard, true);
});

test('40: [] -> [*,A] -> [A] -> []: an empty list is no wildcard once a name was said', () => {
  const steps = [ask([]), ask(['*', 'A'], '1'), ask(['A'], '2'), ask([], '3')];
  const wildcards = steps.map((_, i) => {
    const { wildcard, names } = after(FULL, ...steps.slice(0, i + 1));
    return `${wildcard} ${[...names]}`;
  });
  assert.deepEqual(wildcards, ['true ', 'true A', 'false A', 'false ']);
});

test('41: [*, A] is everything, and A in any case', () => {
  const { next } = onRequest(null, ask(['*', 'A']), FULL);
  assert.equal(next.wildcard, true);
  assert.deepEqual([...next.names], ['A']);
});

test('36: a name missing from the next request is unsubscribed, and no longer held', () => {
  const first = sent(onRequest(null, ask(['A', 'B']), NAMED).next, { A: '1', B: '1' }, '1');
  const { next } = onRequest(first, ask(['A'], '1'), NAMED);
  assert.deepEqual([...next.held.keys()], ['A']);
});

test('37: a name asked for anew is sent even if it was sent before', () => {
  const first = sent(onRequest(null, ask(['A', 'B']), NAMED).next, { A: '1', B: '1' }, '1');
  const without = onSent(onRequest(first, ask(['A'], '1'), NAMED).next, [], [], '2', 'v');
  const again = onRequest(without, ask(['A', 'B'], '2'), NAMED).next;
  const found = difference(resources({ A: '1', B: '1' }), again, { fullState: false, missing: null, retain: NOTHING });
  assert.deepEqual(
    found.send.map(({ name }) => name),
    ['B'],
  );
});

test('38: a name that does not exist is remembered, and sent when it appears', () => {
  const first = onRequest(null, ask(['A']), NAMED).next;
  const kind = { fullState: false, missing: null, retain: NOTHING };
  assert.equal(difference(NOTHING, first, kind).needed, false);
  assert.deepEqual(
    difference(resources({ A: '1' }), first, kind).send.map(({ name }) => name),
    ['A'],
  );
});

test('16: an ACK is noted, and answered by nothing', () => {
  const first = sent(onRequest(null, ask([]), FULL).next, { A: '1' }, '1');
  const { next, outcome } = onRequest(first, ask([], '1', null, 'v1'), FULL);
  assert.equal(outcome, 'ack');
  assert.equal(next.versionAccepted, 'v1');
  assert.equal(next.pending, null);
  assert.equal(
    difference(resources({ A: '1' }), next, { fullState: true, missing: null, retain: NOTHING }).needed,
    false,
  );
});

test('18: a NACK is known by its error alone, whatever version it carries', () => {
  const first = sent(onRequest(null, ask([]), FULL).next, { A: '1' }, '1');
  assert.equal(onRequest(first, ask([], '1', 'A: bad', 'v1'), FULL).outcome, 'nack');
  assert.equal(onRequest(first, ask([], '1', null, 'something else'), FULL).outcome, 'ack');
});

test('19: what was refused is not sent again unchanged; a changed one is', () => {
  const first = sent(onRequest(null, ask([]), FULL).next, { A: '1' }, '1');
  const { next } = onRequest(first, ask([], '1', 'no reason that names it'), FULL);
  const kind = { fullState: true, missing: null, retain: NOTHING };
  assert.equal(difference(resources({ A: '1' }), next, kind).needed, false);
  assert.equal(difference(resources({ A: '2' }), next, kind).needed, true);
});

test('19: beside a refused resource others go on; in its place stands what was accepted last', () => {
  const first = sent(onRequest(null, ask([]), FULL).next, { A: '1', B: '1' }, '1');
  const acked = onRequest(first, ask([], '1'), FULL).next;
  const second = sent(acked, { A: '2', B: '2' }, '2');
  const { next } = onRequest(second, ask([], '2', 'Error adding/updating cluster(s) A: bad field'), FULL);
  assert.deepEqual([...next.refused.keys()], ['A']);
  const kind = { fullState: true, missing: null, retain: NOTHING };
  assert.equal(difference(resources({ A: '2', B: '2' }), next, kind).needed, false);
  const later = difference(resources({ A: '2', B: '3' }), next, kind);
  assert.deepEqual(
    later.send.map(({ name, version }) => `${name} ${version === resource('A', '1').version}`),
    ['A true', 'B false'],
  );
});

test('a name inside a longer name is not meant', () => {
  const first = sent(onRequest(null, ask([]), FULL).next, { web: '1', 'web-admin': '1', other: '1' }, '1');
  const { next } = onRequest(first, ask([], '1', 'web-admin: bad'), FULL);
  assert.deepEqual([...next.refused.keys()], ['web-admin']);
});

test('20: names that come with a NACK count', () => {
  const first = sent(onRequest(null, ask(['A']), NAMED).next, { A: '1' }, '1');
  const { next } = onRequest(first, ask(['A', 'B'], '1', 'A: bad'), NAMED);
  assert.deepEqual(
    difference(resources({ A: '1', B: '1' }), next, { fullState: false, missing: null, retain: NOTHING }).send.map(
      ({ name }) => name,
    ),
    ['B'],
  );
});

test('21: a request with a superseded nonce is ignored', () => {
  const first = sent(onRequest(null, ask(['A']), NAMED).next, { A: '1' }, '1');
  const second = sent(onRequest(first, ask(['A'], '1'), NAMED).next, { A: '2' }, '2');
  const { next, outcome } = onRequest(second, ask(['A', 'B'], '1'), NAMED);
  assert.equal(outcome, 'stale');
  assert.equal(next, second);
});

test('22, 23: an empty nonce, or an unknown one on a new stream, is a first request even with a version', () => {
  for (const nonce of ['', 'of-an-earlier-stream']) {
    const { next, outcome } = onRequest(null, ask(['A'], nonce, null, 'v7'), NAMED);
    assert.equal(outcome, 'subscribe');
    assert.equal(next.owed, true);
  }
});

test('26: a client that starts anew on the stream is told everything again', () => {
  const first = sent(onRequest(null, ask(['A']), NAMED).next, { A: '1' }, '1');
  const { next } = onRequest(first, ask(['A'], '', null, 'v1'), NAMED);
  assert.deepEqual(
    difference(resources({ A: '1' }), next, { fullState: false, missing: null, retain: NOTHING }).send.map(
      ({ name }) => name,
    ),
    ['A'],
  );
});

test('46: a client that dropped everything and comes back with an old nonce does not hang', () => {
  const first = sent(onRequest(null, ask(['A']), NAMED).next, { A: '1' }, '1');
  const second = sent(onRequest(first, ask(['A'], '1'), NAMED).next, { A: '2' }, '2');
  const dropped = onRequest(second, ask([], '2'), NAMED).next;
  const { next, outcome } = onRequest(dropped, ask(['A'], '1'), NAMED);
  assert.equal(outcome, 'subscribe');
  assert.deepEqual([...next.fresh], ['A']);
});

test('48: a name asked for anew in a full-state type is answered even when it does not exist', () => {
  const first = onSent(onRequest(null, ask(['A']), FULL).next, [], [], '1', 'v');
  assert.equal(onRequest(first, ask(['A', 'B'], '1'), FULL).next.owed, true);
  assert.equal(onRequest(first, ask(['A'], '1'), FULL).next.owed, false);
});

test('77: endpoints can be asked to be sent again, but only to who wants them', () => {
  const first = sent(onRequest(null, ask(['A']), NAMED).next, { A: '1' }, '1');
  assert.deepEqual([...refresh(first, ['A', 'B']).fresh], ['A']);
  assert.equal(refresh(first, ['B']), first);
});
