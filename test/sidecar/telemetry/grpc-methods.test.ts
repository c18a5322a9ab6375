// Figures by method: so many for a cluster, the others together; gone with their cluster; added up over threads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from '../../../sidecar/telemetry/figures.ts';
import { LONGEST_GRPC_METHOD, MOST_GRPC_METHODS } from '../../../sidecar/telemetry/grpc-methods.ts';
import { type Metric, metricsOf } from '../../../sidecar/telemetry/metrics.ts';
import { Stats } from '../../../sidecar/telemetry/stats.ts';
import { WorkerStats } from '../../../sidecar/telemetry/worker-stats.ts';

const isGrpc = ({ family }: Metric) => family.startsWith('envoy_cluster_grpc_');

function figures(stats: Stats | WorkerStats): Record<string, number> {
  const found = [...metricsOf(stats)].filter((metric) => isGrpc(metric) && metric.used);
  return Object.fromEntries(found.map(({ name, value }) => [name, value as number]));
}

test('a cell for each method, the same one each time', () => {
  const stats = new Stats();
  const methods = stats.grpc('web');
  const cell = methods.method('a.B', 'C');
  assert.equal(methods.method('a.B', 'C'), cell);
  assert.notEqual(methods.method('a.B', 'D'), cell);
  assert.notEqual(stats.grpc('shop').method('a.B', 'C'), cell);
  cell.ended(0);
  cell.ended(5);
  assert.deepEqual(figures(stats), {
    'cluster.web.grpc.a.B.C.0': 1,
    'cluster.web.grpc.a.B.C.5': 1,
    'cluster.web.grpc.a.B.C.failure': 1,
    'cluster.web.grpc.a.B.C.success': 1,
    'cluster.web.grpc.a.B.C.total': 2,
  });
});

test('in Prometheus service and method are labels', () => {
  const stats = new Stats();
  stats.grpc('a|b').method('x.Y', 'Z"').ended(0);
  const families = [...metricsOf(stats, 'by-family')].filter((metric) => isGrpc(metric) && metric.used);
  const labels = 'envoy_grpc_bridge_method="Z\\"",envoy_grpc_bridge_service="x.Y",envoy_cluster_name="a|b"';
  assert.deepEqual(
    families.map((metric) => `${metric.family}{${metric.labels}} ${metric.value}`),
    ['0', 'success', 'total'].map((name) => `envoy_cluster_grpc_${name}{${labels}} 1`),
  );
});

test('beyond the bound methods are counted together, and those that have a cell keep it', () => {
  const stats = new Stats();
  const methods = stats.grpc('web');
  const first = methods.method('s', 'm0');
  for (let i = 1; i < MOST_GRPC_METHODS; i++) assert.notEqual(methods.method('s', `m${i}`), methods.together);
  for (let i = 0; i < 10; i++) assert.equal(methods.method('s', `beyond${i}`), methods.together);
  assert.equal(methods.method('s', 'm0'), first);
  methods.method('s', 'beyond').ended(0);
  assert.equal(figures(stats)['cluster.web.grpc.total'], 1);
  assert.notEqual(stats.grpc('shop').method('s', 'beyond0'), stats.grpc('shop').together);
});

test('long names have no cell of their own', () => {
  const methods = new Stats().grpc('web');
  const half = 'x'.repeat(LONGEST_GRPC_METHOD / 2);
  assert.equal(methods.method(half, `${half}y`), methods.together);
  assert.notEqual(methods.method(half, half), methods.together);
});

test('a cluster that is removed takes its figures along, and no other', () => {
  const stats = new Stats();
  const before = stats.grpc('web');
  before.method('s', 'm').ended(0);
  stats.grpc('web.grpc.s').method('s', 'm').ended(0);
  stats.removeCluster('web');
  assert.equal(before.gone, true);
  assert.deepEqual(
    Object.keys(figures(stats)).filter((name) => name.startsWith('cluster.web.grpc.s.m')),
    [],
  );
  assert.equal(figures(stats)['cluster.web.grpc.s.grpc.s.m.total'], 1);
  assert.notEqual(stats.grpc('web'), before);
});

test('reset sets them back', () => {
  const stats = new Stats();
  const cell = stats.grpc('web').together;
  cell.ended(3);
  cell.request_message_count++;
  stats.resetCounters();
  assert.deepEqual(figures(stats), {});
});

test('figures of several threads add up', () => {
  const [one, two] = [new Stats(), new Stats()];
  one.grpc('web').method('s', 'm').ended(0);
  two.grpc('web').method('s', 'm').ended(4);
  two.grpc('web').method('s', 'n').ended(0);
  const all = new WorkerStats(new Stats(), 2);
  all.said(0, [...figuresOf(one)]);
  all.said(1, [...figuresOf(two)]);
  const shown = figures(all);
  assert.deepEqual(
    ['s.m.0', 's.m.4', 's.m.total', 's.n.success'].map((name) => shown[`cluster.web.grpc.${name}`]),
    [1, 1, 2, 1],
  );
});
