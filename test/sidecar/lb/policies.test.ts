import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leastRequest } from '../../../sidecar/lb/least-request.ts';
import { randomly } from '../../../sidecar/lb/random.ts';
import { roundRobin } from '../../../sidecar/lb/round-robin.ts';
import { rampedWeight } from '../../../sidecar/lb/slow-start.ts';
import { chance, host, type TestHost } from './hosts.ts';

const TWO_CHOICES = { choices: 2, activeBias: 1, fullScan: false };

function names(choose: () => TestHost | null, count: number): string[] {
  return Array.from({ length: count }, () => choose()?.name ?? 'none');
}

test('round robin: in turn, from a start that differs', () => {
  const hosts = [host('a'), host('b'), host('c')];
  assert.deepEqual(
    names(
      roundRobin(hosts, () => 0, null),
      6,
    ),
    ['a', 'b', 'c', 'a', 'b', 'c'],
  );
  assert.deepEqual(
    names(
      roundRobin(hosts, () => 0.99, null),
      4,
    ),
    ['c', 'a', 'b', 'c'],
  );
});

test('weighted round robin: exact shares, spread out', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 1000 }), (list, seed) => {
      const hosts = list.map((weight, i) => host(String(i), weight));
      const total = list.reduce((a, b) => a + b, 0);
      const picked = names(roundRobin(hosts, chance(seed), null), total * 10);
      for (const { name, weight } of hosts) {
        const count = picked.filter((other) => other === name).length;
        assert.ok(Math.abs(count - weight * 10) <= 2, `${name}: ${count} of ${weight * 10}`);
      }
    }),
  );
  const picked = names(
    roundRobin([host('a', 1), host('b', 2), host('c', 3)], () => 0, null),
    60,
  );
  assert.ok(!picked.some((_, i) => i <= 56 && new Set(picked.slice(i, i + 4)).size === 1));
});

test('random: near even whatever the weights', () => {
  const picked = names(randomly([host('a', 100), host('b'), host('c')], chance(7)), 3000);
  for (const name of ['a', 'b', 'c']) assert.ok(Math.abs(picked.filter((other) => other === name).length - 1000) < 120);
});

test('least request: the less busy of two', () => {
  const hosts = [host('a'), host('b')];
  (hosts[0] as TestHost).active = 5;
  const picked = names(leastRequest(hosts, TWO_CHOICES, chance(3), null), 1000);
  // a only when both choices fell on it.
  const count = picked.filter((name) => name === 'a').length;
  assert.ok(count > 180 && count < 320, String(count));
  assert.deepEqual(
    new Set(names(leastRequest(hosts, { ...TWO_CHOICES, fullScan: true }, chance(3), null), 50)),
    new Set(['b']),
  );
});

test('least request, full scan: ties with the same chance', () => {
  const hosts = [host('a'), host('b'), host('c')];
  const picked = names(leastRequest(hosts, { ...TWO_CHOICES, fullScan: true }, chance(5), null), 3000);
  for (const { name } of hosts) assert.ok(Math.abs(picked.filter((other) => other === name).length - 1000) < 120);
});

test('weighted least request: by weight when idle, less when busy', () => {
  const idle = names(leastRequest([host('a', 1), host('b', 3)], TWO_CHOICES, chance(), null), 400);
  assert.ok(Math.abs(idle.filter((name) => name === 'b').length - 300) <= 2);
  const busy = [host('a', 1), host('b', 3)];
  (busy[1] as TestHost).active = 5;
  const picked = names(leastRequest(busy, TWO_CHOICES, chance(), null), 300);
  assert.ok(Math.abs(picked.filter((name) => name === 'b').length - 100) <= 2);
});

test('no hosts, no host', () => {
  assert.equal(roundRobin([], Math.random, null)(), null);
  assert.equal(randomly([], Math.random)(), null);
  assert.equal(leastRequest([], TWO_CHOICES, Math.random, null)(), null);
});

test('slow start: from the least share to the whole weight', () => {
  const slow = { windowMs: 1000, aggression: 1, minWeightPercent: 10 };
  const young = { ...host('a', 100), joinedMs: 5000 };
  assert.deepEqual(
    [5000, 5050, 5500, 6000].map((now) => rampedWeight(young, slow, now)),
    [10, 10, 50, 100],
  );
  assert.equal(rampedWeight(young, { ...slow, aggression: 2 }, 5250), 50);
});
