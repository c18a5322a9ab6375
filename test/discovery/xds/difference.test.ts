import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { difference } from '../../../discovery/xds/difference.ts';
import { type Resource, setVersion } from '../../../discovery/xds/snapshot.ts';
import { onRequest, onSent, type Subscription } from '../../../discovery/xds/subscription.ts';
import { resource, resources } from './resources.ts';

const NOTHING: ReadonlyMap<string, Resource> = new Map();
const FULL = { fullState: true, missing: null, retain: NOTHING };
const PART = { fullState: false, missing: null, retain: NOTHING };

function everything(): Subscription {
  return onRequest(null, { names: [], nonce: '', version: '', error: null }, { fullState: true, legacyWildcard: true })
    .next;
}

function named(...names: string[]): Subscription {
  return onRequest(null, { names, nonce: '', version: '', error: null }, { fullState: false, legacyWildcard: true })
    .next;
}

function holding(subscription: Subscription, contents: Record<string, string>): Subscription {
  return { ...onSent(subscription, [...resources(contents).values()], [], '1', 'v'), pending: null };
}

test('53: a full state is sent even when it is empty, once', () => {
  assert.equal(difference(NOTHING, everything(), FULL).needed, true);
  assert.equal(difference(NOTHING, holding(everything(), {}), FULL).needed, false);
});

test('47: a full state lists everything, also what did not change', () => {
  const found = difference(resources({ A: '1', B: '2' }), holding(everything(), { A: '1', B: '1' }), FULL);
  assert.deepEqual(
    found.send.map(({ name }) => name),
    ['A', 'B'],
  );
});

test('49: other types list only what is new to the client', () => {
  const found = difference(resources({ A: '1', B: '2' }), holding(named('A', 'B'), { A: '1', B: '1' }), PART);
  assert.deepEqual(
    found.send.map(({ name }) => name),
    ['B'],
  );
});

test('a removal is said by absence in a full state, and not at all elsewhere', () => {
  const gone = difference(resources({ A: '1' }), holding(everything(), { A: '1', B: '1' }), FULL);
  assert.deepEqual([gone.needed, gone.removed, gone.send.map(({ name }) => name)], [true, ['B'], ['A']]);
  assert.equal(difference(resources({ A: '1' }), holding(named('A', 'B'), { A: '1', B: '1' }), PART).needed, false);
});

test('a name without resource is answered by what stands for it, unless the client holds something', () => {
  const kind = { ...PART, missing: (name: string) => resource(name, 'empty') };
  assert.deepEqual(difference(NOTHING, named('A'), kind).send, [resource('A', 'empty')]);
  assert.equal(difference(NOTHING, holding(named('A'), { A: '1' }), kind).needed, false);
});

test('retained resources stay in the full state', () => {
  const kind = { ...FULL, retain: resources({ B: '1' }) };
  assert.equal(difference(resources({ A: '1' }), holding(everything(), { A: '1', B: '1' }), kind).needed, false);
});

test('versions depend on content alone, not on order', () => {
  assert.equal(setVersion([resource('A'), resource('B')]), setVersion([resource('B'), resource('A')]));
  assert.match(setVersion([]), /^[0-9a-f]{16}$/);
});

test('after sending a difference there is none', () => {
  const contents = fc.dictionary(fc.constantFrom('A', 'B', 'C', 'D'), fc.constantFrom('1', '2'));
  fc.assert(
    fc.property(contents, contents, fc.boolean(), (held, wanted, full) => {
      const kind = full ? FULL : PART;
      const before = holding(full ? everything() : named('A', 'B', 'C', 'D'), held);
      const found = difference(resources(wanted), before, kind);
      const after = { ...onSent(before, found.send, found.removed, '2', found.version), pending: null };
      assert.equal(difference(resources(wanted), after, kind).needed, false);
      if (!full) return;
      assert.deepEqual([...after.held.keys()].sort(), Object.keys(wanted).sort());
    }),
  );
});
