import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutlierDetection } from '../../../sidecar/model/cluster.ts';
import { ClusterStats } from '../../../sidecar/telemetry/stats.ts';
import { OutlierDetector } from '../../../sidecar/upstream/outlier.ts';
import { manualClock } from '../../manual-clock.ts';

/** Envoy's defaults. */
const CONFIG: OutlierDetection = {
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGatewayFailure: 5,
  enforcingConsecutiveGatewayFailure: 0,
  splitLocalOrigin: false,
  consecutiveLocalOriginFailure: 5,
  enforcingConsecutiveLocalOriginFailure: 100,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionJitterMs: 0,
  maxEjectionPercent: 10,
  alwaysEjectOneHost: false,
};

function detectorOver(count: number, config: Partial<OutlierDetection> = {}, random = () => 0.5) {
  const hosts = Array.from({ length: count }, (_, i) => ({ name: String(i), ejected: false }));
  const clock = manualClock(0, random);
  const stats = new ClusterStats();
  let changes = 0;
  const detector = new OutlierDetector(
    { ...CONFIG, maxEjectionPercent: 100, ...config },
    { hosts: () => hosts, stats, clock, onChange: () => changes++ },
  );
  const fail = (index: number, times: number, status = 500) => {
    for (let i = 0; i < times; i++) detector.answered(hosts[index] as (typeof hosts)[0], status);
  };
  const figures = () => stats.outlier_detection as NonNullable<typeof stats.outlier_detection>;
  return {
    hosts,
    clock,
    detector,
    fail,
    figures,
    stats,
    changes: () => changes,
    out: () => hosts.filter(({ ejected }) => ejected).map(({ name }) => name),
  };
}

test('a run of 5xx ejects; a success begins anew', () => {
  const { fail, out, figures, changes } = detectorOver(2, { consecutive5xx: 3 });
  fail(0, 2);
  fail(0, 1, 200);
  fail(0, 2);
  assert.deepEqual(out(), []);
  fail(0, 1);
  assert.deepEqual(out(), ['0']);
  assert.equal(changes(), 1);
  assert.equal(figures().ejections_enforced_consecutive_5xx, 1);
  assert.equal(figures().ejections_active, 1);
});

test('the share of ejected hosts reaches the limit and no more: two hosts and the default eject none, 100 all', () => {
  const byDefault = detectorOver(2, { maxEjectionPercent: 10 });
  byDefault.fail(0, 5);
  assert.deepEqual(byDefault.out(), []);
  assert.equal(byDefault.figures().ejections_overflow, 1);
  const all = detectorOver(2, { consecutive5xx: 2 });
  all.fail(0, 2);
  all.fail(1, 2);
  assert.deepEqual(all.out(), ['0', '1']);
  const third = detectorOver(3, { maxEjectionPercent: 34 });
  third.fail(0, 5);
  third.fail(1, 5);
  assert.deepEqual(third.out(), ['0']);
});

test('always_eject_one_host brings the floor back', () => {
  const { fail, out } = detectorOver(2, { maxEjectionPercent: 10, alwaysEjectOneHost: true });
  fail(0, 5);
  fail(1, 5);
  assert.deepEqual(out(), ['0']);
});

test('gateway failures are seen, but enforced only when asked', () => {
  const seen = detectorOver(2, { consecutiveGatewayFailure: 2, consecutive5xx: 100 });
  seen.fail(0, 4, 502);
  assert.deepEqual(seen.out(), []);
  assert.equal(seen.figures().ejections_detected_consecutive_gateway_failure, 2);
  const enforced = detectorOver(2, {
    consecutiveGatewayFailure: 2,
    consecutive5xx: 100,
    enforcingConsecutiveGatewayFailure: 100,
  });
  enforced.fail(0, 1, 503);
  enforced.fail(0, 1, 500);
  enforced.fail(0, 1, 504);
  assert.deepEqual(enforced.out(), []);
  enforced.fail(0, 1, 503);
  assert.deepEqual(enforced.out(), ['0']);
});

test('enforcing is a share of the cases', () => {
  const { fail, out } = detectorOver(2, { enforcingConsecutive5xx: 40 }, () => 0.4);
  fail(0, 50);
  assert.deepEqual(out(), []);
  const other = detectorOver(2, { enforcingConsecutive5xx: 41 }, () => 0.4);
  other.fail(0, 5);
  assert.deepEqual(other.out(), ['0']);
});

test('local failures count as 5xx, or alone when split', () => {
  const joined = detectorOver(2, { consecutive5xx: 2 });
  joined.detector.failed(joined.hosts[0] as { name: string; ejected: boolean }, 'failure');
  joined.detector.failed(joined.hosts[0] as { name: string; ejected: boolean }, 'timeout');
  assert.deepEqual(joined.out(), ['0']);
  const split = detectorOver(2, { consecutive5xx: 1, splitLocalOrigin: true, consecutiveLocalOriginFailure: 3 });
  const [first] = split.hosts as [{ name: string; ejected: boolean }];
  split.detector.failed(first, 'failure');
  split.detector.failed(first, 'failure');
  split.detector.connected(first);
  split.detector.failed(first, 'failure');
  split.detector.failed(first, 'failure');
  assert.deepEqual(split.out(), []);
  split.detector.failed(first, 'failure');
  assert.deepEqual(split.out(), ['0']);
  assert.equal(split.figures().ejections_enforced_consecutive_local_origin_failure, 1);
});

test('an ejection ends with the sweep after its time; each one near the last is longer', () => {
  const { fail, out, clock, figures } = detectorOver(2, { baseEjectionMs: 25_000 });
  fail(0, 5);
  clock.advance(29_999);
  assert.deepEqual(out(), ['0']);
  clock.advance(1);
  assert.deepEqual(out(), []);
  assert.equal(figures().ejections_active, 0);
  fail(0, 5);
  clock.advance(49_999);
  assert.deepEqual(out(), ['0'], 'twice the base time');
  clock.advance(1);
  assert.deepEqual(out(), []);
  clock.advance(100_000);
  fail(0, 5);
  clock.advance(30_000);
  assert.deepEqual(out(), [], 'calm intervals make it short again');
});

test('the longest ejection bounds them all', () => {
  const { fail, out, clock } = detectorOver(2, { baseEjectionMs: 25_000, maxEjectionMs: 30_000 });
  for (let i = 0; i < 5; i++) {
    fail(0, 5);
    clock.advance(30_000);
    assert.deepEqual(out(), []);
  }
});

test('a stopped detector lets everybody back and waits for nothing', () => {
  const { fail, out, detector, clock, stats } = detectorOver(2);
  fail(0, 5);
  detector.stop();
  assert.deepEqual(out(), []);
  assert.equal(stats.outlier_detection, null);
  clock.advance(100_000);
});
