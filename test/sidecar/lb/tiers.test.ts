import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Health } from '../../../sidecar/lb/picker.ts';
import { priorityLoads } from '../../../sidecar/lb/priorities.ts';
import { chance, COMMON, host, pickerOver, shares } from './hosts.ts';

function near(actual: number | undefined, expected: number, tolerance: number): void {
  assert.ok(Math.abs((actual ?? 0) - expected) <= tolerance, `${actual} is not near ${expected}`);
}

test('half of a priority healthy: 70 percent stay, 30 spill over', () => {
  const seen = shares(pickerOver([[host('a'), host('b', 1, 'unhealthy')], [host('c')]]), 3000);
  near(seen['a'], 2100, 120);
  near(seen['c'], 900, 120);
  assert.equal(seen['b'], undefined);
});

test('overprovisioning 100 spills the other half', () => {
  const seen = shares(
    pickerOver([[host('a'), host('b', 1, 'unhealthy')], [host('c')]], { overprovisioning: 100 }),
    3000,
  );
  near(seen['a'], 1500, 140);
});

test('three quarters healthy: nothing spills', () => {
  const first = [host('a'), host('b'), host('c'), host('d', 1, 'unhealthy')];
  assert.deepEqual(Object.keys(shares(pickerOver([first, [host('e')]]), 500)).sort(), ['a', 'b', 'c']);
});

test('degraded hosts take what spills, as a lower priority would', () => {
  assert.deepEqual(shares(pickerOver([[host('a', 1, 'unhealthy'), host('b', 1, 'degraded')]]), 50), { b: 50 });
  const seen = shares(pickerOver([[host('a'), host('b', 1, 'degraded')]]), 3000);
  near(seen['a'], 2100, 120);
  near(seen['b'], 900, 120);
});

test('panic: everybody, unless traffic shall fail', () => {
  let panics = 0;
  const down = [[host('a', 1, 'unhealthy'), host('b', 1, 'unhealthy')]];
  assert.deepEqual(shares(pickerOver(down, { onPanic: () => panics++ }), 10), { a: 5, b: 5 });
  assert.equal(panics, 10);
  assert.deepEqual(shares(pickerOver(down, { common: { ...COMMON, failTrafficOnPanic: true } }), 5), { none: 5 });
});

test('panic threshold 0: only healthy hosts, and none when there are none', () => {
  const common = { ...COMMON, panicThreshold: 0 };
  assert.deepEqual(
    shares(pickerOver([[host('a'), host('b', 1, 'unhealthy'), host('c', 1, 'unhealthy')]], { common }), 12),
    { a: 12 },
  );
  assert.deepEqual(shares(pickerOver([[host('a', 1, 'unhealthy')]], { common }), 3), { none: 3 });
});

test('all priorities in panic share by their size', () => {
  const bad = (name: string) => host(name, 1, 'unhealthy');
  const seen = shares(pickerOver([[bad('a')], [bad('b'), bad('c'), bad('d')]]), 2000);
  near(seen['a'], 500, 80);
});

test('a gap in the priorities, an empty cluster', () => {
  assert.deepEqual(shares(pickerOver([[], [host('a')]]), 5), { a: 5 });
  assert.deepEqual(shares(pickerOver([]), 2), { none: 2 });
});

test('localities: weights count only when asked, and shrink with health', () => {
  const zones = [
    { weight: 1, hosts: [host('a'), host('b', 1, 'unhealthy')] },
    { weight: 1, hosts: [host('c')] },
  ];
  const seen = shares(pickerOver([], { tiers: [zones], common: { ...COMMON, localityWeighted: true } }), 1700);
  near(seen['a'], 700, 3);
  near(seen['c'], 1000, 3);
  const even = [
    { weight: 1, hosts: [host('a')] },
    { weight: 3, hosts: [host('c')] },
  ];
  assert.deepEqual(shares(pickerOver([], { tiers: [even] }), 40), { a: 20, c: 20 });
  assert.deepEqual(shares(pickerOver([], { tiers: [even], common: { ...COMMON, localityWeighted: true } }), 40), {
    a: 10,
    c: 30,
  });
});

test('a locality of weight 0 gets nothing', () => {
  const zones = [
    { weight: 0, hosts: [host('a')] },
    { weight: 2, hosts: [host('c')] },
  ];
  assert.deepEqual(shares(pickerOver([], { tiers: [zones], common: { ...COMMON, localityWeighted: true } }), 10), {
    c: 10,
  });
});

test('a tried host is passed over; the last pick is taken whatever it is', () => {
  const picker = pickerOver([[host('a'), host('b')]]);
  for (let i = 0; i < 10; i++) assert.equal(picker.pick({ skip: ({ name }) => name === 'a', attempts: 1 })?.name, 'b');
  assert.notEqual(picker.pick({ skip: () => true, attempts: 3 }), null);
});

test('priorities can be avoided while another one is fit', () => {
  const picker = pickerOver([[host('a')], [host('b')]]);
  assert.equal(picker.pick({ avoidPriorities: new Set([0]) })?.name, 'b');
  assert.equal(picker.pick({ avoidPriorities: new Set([0, 1]) })?.name, 'a');
});

test('loads are whole percents that make a hundred', () => {
  const tier = fc
    .record({ healthy: fc.nat({ max: 5 }), degraded: fc.nat({ max: 5 }), bad: fc.nat({ max: 5 }) })
    .map(({ healthy, degraded, bad }) => {
      const total = healthy + degraded + bad;
      return { total, healthy, degraded, hosts: total, healthyHosts: healthy, degradedHosts: degraded };
    });
  fc.assert(
    fc.property(
      fc.array(tier, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 100, max: 200 }),
      fc.integer({ min: 0, max: 100 }),
      (tiers, factor, threshold) => {
        const { healthy, degraded } = priorityLoads(tiers, factor, threshold);
        assert.equal(
          [...healthy, ...degraded].reduce((a, b) => a + b, 0),
          100,
        );
        assert.ok([...healthy, ...degraded].every((load) => Number.isInteger(load) && load >= 0));
      },
    ),
  );
});

test('outside of panic only fit hosts are picked', () => {
  const health = fc.constantFrom<Health>('healthy', 'degraded', 'unhealthy', 'excluded');
  const tiers = fc.array(fc.array(health, { maxLength: 5 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(tiers, fc.integer({ min: 1, max: 9999 }), (states, seed) => {
      const hosts = states.map((list, p) => list.map((state, i) => host(`${p}.${i}`, 1 + i, state)));
      let panicked = false;
      const picker = pickerOver(hosts, {
        random: chance(seed),
        onPanic: () => {
          panicked = true;
        },
      });
      for (let i = 0; i < 20; i++) {
        panicked = false;
        const picked = picker.pick();
        assert.ok(panicked || picked === null || picked.health === 'healthy' || picked.health === 'degraded');
      }
    }),
  );
});
