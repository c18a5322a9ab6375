import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUCKET_BOUNDS, Histogram } from '../../../sidecar/telemetry/cells/histogram.ts';
import { metricsOf } from '../../../sidecar/telemetry/metrics.ts';
import { LONGEST_FILTER, readStatsQuery, renderStats } from '../../../sidecar/telemetry/render.ts';
import { Stats } from '../../../sidecar/telemetry/stats.ts';

async function rendered(stats: Stats, query: string, prometheus = false): Promise<string> {
  const read = readStatsQuery(new URLSearchParams(query), prometheus);
  assert.ok(typeof read !== 'string', String(read));
  let text = '';
  for await (const piece of renderStats(stats, read)) text += piece;
  return text;
}

function busy(): Stats {
  const stats = new Stats();
  const cluster = stats.cluster('web');
  cluster.upstream_rq_total = 4;
  cluster.upstream_cx_http1_total = 1;
  cluster.answered(200, 0);
  cluster.answered(200, 40);
  cluster.answered(200, 40);
  cluster.answered(503, 41);
  cluster.answeredAndRetried(503);
  const http = stats.http('main');
  http.downstream_rq_total = 2;
  http.codes.add(200);
  http.codes.add(404);
  stats.listenerHttp('127.0.0.1:80', 'main').add(200);
  stats.listener('127.0.0.1:80').downstream_cx_total = 7;
  stats.rbac('main').denied = 3;
  return stats;
}

test('text: names and values as in Envoy, in order, histograms last', async () => {
  const lines = (await rendered(busy(), '')).split('\n');
  for (const line of [
    'cluster.web.upstream_rq_total: 4',
    'cluster.web.upstream_rq_completed: 4',
    'cluster.web.upstream_rq_2xx: 3',
    'cluster.web.upstream_rq_200: 3',
    'cluster.web.upstream_rq_503: 1',
    'cluster.web.external.upstream_rq_503: 1',
    'cluster.web.retry.upstream_rq_503: 1',
    'cluster.web.http1.response_flood: 0',
    'http.main.downstream_rq_4xx: 1',
    'http.main.downstream_rq_completed: 2',
    'http.main.rbac.denied: 3',
    'listener.127.0.0.1_80.downstream_cx_total: 7',
    'listener.127.0.0.1_80.http.main.downstream_rq_2xx: 1',
    'server.state: 2',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  const quantiles = lines.find((line) => line.startsWith('cluster.web.upstream_rq_time: '));
  // What Envoy 1.40 prints for 0, 40, 40, 41.
  assert.match(
    quantiles ?? '',
    /P25\(nan,0\) P50\(nan,40\.333333333333336\) P75\(nan,40\.666666666666664\) P90\(nan,41\.5\)/,
  );
  assert.ok(lines.includes('cluster.web.upstream_cx_length_ms: No recorded values'));
});

test('circuit breaker gauges are read when asked for, remaining ones only when tracked', async () => {
  const stats = new Stats();
  stats.cluster('a').gauges = {
    membership: () => ({ total: 3, healthy: 2, degraded: 1, excluded: 0 }),
    limits: (priority) => ({
      cxOpen: false,
      pendingOpen: false,
      rqOpen: priority === 'high',
      retryOpen: false,
      remaining: priority === 'default' ? { cx: 5, pending: 6, rq: 7, retries: 4 } : null,
    }),
  };
  const text = await rendered(stats, 'filter=circuit_breakers|membership');
  assert.match(text, /^cluster\.a\.circuit_breakers\.default\.remaining_rq: 7$/m);
  assert.match(text, /^cluster\.a\.circuit_breakers\.high\.rq_open: 1$/m);
  assert.match(text, /^cluster\.a\.membership_healthy: 2$/m);
  assert.doesNotMatch(text, /high\.remaining/);
});

test('prometheus: families once, labels by Envoy names, buckets cumulative', async () => {
  const text = await rendered(busy(), '', true);
  for (const line of [
    'envoy_cluster_upstream_rq_total{envoy_cluster_name="web"} 4',
    'envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="web"} 3',
    'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="web"} 3',
    'envoy_http_downstream_rq_xx{envoy_response_code_class="4",envoy_http_conn_manager_prefix="main"} 1',
    'envoy_listener_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="main",envoy_listener_address="127.0.0.1_80"} 1',
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="web",le="0.5"} 1',
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="web",le="50"} 4',
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="web",le="+Inf"} 4',
    'envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="web"} 121',
    'envoy_server_live{} 0',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  const types = text.split('\n').filter((line) => line.startsWith('# TYPE '));
  assert.equal(new Set(types).size, types.length, 'a family appears twice');
});

test('every family is contiguous with many clusters', async () => {
  const stats = new Stats();
  for (const name of ['a', 'b', 'c']) stats.cluster(name).answered(200 + name.length, 1);
  const families = (await rendered(stats, '', true)).split('\n').flatMap((line) => /^(\w+)\{/.exec(line)?.[1] ?? []);
  const seen = new Set<string>();
  let previous = '';
  for (const family of families.map((name) => name.replace(/_(bucket|sum|count)$/, ''))) {
    if (family !== previous) assert.ok(!seen.has(family), family);
    seen.add(family);
    previous = family;
  }
});

test('label values are escaped, colons in names are not in /stats', async () => {
  const stats = new Stats();
  stats.cluster('a"b\\c\nd:e').upstream_cx_total = 1;
  assert.match(
    await rendered(stats, 'usedonly', true),
    /envoy_cluster_upstream_cx_total\{envoy_cluster_name="a\\"b\\\\c\\nd:e"\} 1/,
  );
});

test('json has the shape of Envoy', async () => {
  const parsed = JSON.parse(await rendered(busy(), 'format=json&usedonly&filter=cluster.web.upstream_rq_'));
  assert.deepEqual(parsed.stats[0], { name: 'cluster.web.upstream_rq_200', value: 3 });
  const { histograms } = parsed.stats.at(-1);
  assert.deepEqual(histograms.supported_quantiles, [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]);
  assert.equal(histograms.computed_quantiles[0].name, 'cluster.web.upstream_rq_time');
  assert.equal(histograms.computed_quantiles[0].values[9].cumulative, 41.5);
  assert.deepEqual(JSON.parse(await rendered(busy(), 'format=json&filter=nothing')), { stats: [] });
});

test('usedonly, filters and refusals', async () => {
  assert.doesNotMatch(await rendered(busy(), 'usedonly'), /: 0$/m);
  assert.match(await rendered(busy(), 'filter=rq_5'), /^(.*rq_5.*\n)+$/);
  assert.doesNotMatch(await rendered(busy(), 'filter=cluster&invert_filter'), /cluster/);
  assert.match(String(readStatsQuery(new URLSearchParams({ filter: '[' }))), /^Invalid re2 regex: /);
  assert.match(String(readStatsQuery(new URLSearchParams({ filter: 'a'.repeat(LONGEST_FILTER + 1) }))), /longer than/);
  assert.match(String(readStatsQuery(new URLSearchParams('format=xx'))), /^usage: \/stats\?format=/);
  assert.equal(readStatsQuery(new URLSearchParams('type=foo')), 'invalid &type= param');
});

test('reset_counters leaves gauges', () => {
  const stats = busy();
  stats.cluster('web').upstream_cx_active = 2;
  stats.resetCounters();
  assert.equal(stats.cluster('web').upstream_rq_total, 0);
  assert.equal(stats.cluster('web').upstream_cx_active, 2);
  assert.equal(stats.http('main').codes.total(), 0);
});

test('a removed scope is gone, and its name starts anew', () => {
  const stats = busy();
  stats.removeCluster('web');
  stats.removeListener('127.0.0.1:80');
  stats.removeHttp('main');
  const left = [...metricsOf(stats)].filter(({ name }) => /^(cluster|http|listener)\./.test(name));
  assert.deepEqual(left, []);
  assert.equal(stats.cluster('web').upstream_rq_total, 0);
});

test('histogram: counts, sums and quantiles stay within a bin of the truth', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 4_000_000 }), { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = [...values].sort((a, b) => a - b);
      assert.equal(histogram.count, values.length);
      assert.equal(
        histogram.sum,
        values.reduce((a, b) => a + b, 0),
      );
      const median = sorted[Math.max(0, Math.ceil(values.length / 2) - 1)] as number;
      assert.ok(
        Math.abs(histogram.quantile(50) - median) <= 1 + median * 0.11,
        `${histogram.quantile(50)} for ${median}`,
      );
      histogram.cumulative().forEach((count, i) => {
        const bound = BUCKET_BOUNDS[i] as number;
        assert.ok(count <= values.filter((value) => value <= bound).length);
        assert.ok(count >= values.filter((value) => value < bound * 0.9).length);
      });
    }),
  );
});
