// The figures of several threads as one: as if everything had been counted in one place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { figuresOf, type ScopeFigures } from '../../../sidecar/telemetry/figures.ts';
import { readStatsQuery, renderStats } from '../../../sidecar/telemetry/render.ts';
import { OutlierStats, type StatGroups, Stats, TlsStats } from '../../../sidecar/telemetry/stats.ts';
import { WorkerStats } from '../../../sidecar/telemetry/worker-stats.ts';

async function rendered(stats: StatGroups, query = ''): Promise<string[]> {
  const read = readStatsQuery(new URLSearchParams(query), query.includes('prometheus'));
  assert.ok(typeof read !== 'string', String(read));
  let text = '';
  for await (const piece of renderStats(stats, read)) text += piece;
  return text.split(/\n|,(?=\{"name"|\{"histograms")/);
}

/** What a worker sends: through the same copying that a message goes through. */
function sent(stats: Stats): ScopeFigures[] {
  return structuredClone([...figuresOf(stats)].filter(({ prefix }) => prefix !== 'server.'));
}

/** Of workers as such; and what every worker sees as a whole. */
function comparable(lines: readonly string[]): string[] {
  return lines.filter((line) => !/worker|membership|listener_manager|cluster_manager/.test(line));
}

/** One thing that happens, in any of the cells. */
const EVENTS: readonly ((stats: Stats, n: number) => void)[] = [
  (stats, n) => stats.cluster('web').answered(200 + n, n * 7),
  (stats, n) => stats.cluster('web').answered(500, n, true),
  (stats, n) => stats.cluster('web').answeredAndRetried(500 + n),
  (stats, n) => {
    stats.cluster(n > 50 ? 'a:b' : 'web').upstream_cx_active += n;
  },
  (stats) => {
    const cell = stats.cluster('web');
    cell.outlier_detection ??= new OutlierStats();
    cell.outlier_detection.ejections_total++;
  },
  (stats, n) => stats.http('main').codes.add(100 + n),
  (stats, n) => stats.http('main').downstream_rq_time.record(n * n * n),
  (stats) => {
    stats.http('main').tracing.random_sampling++;
  },
  (stats) => {
    const cell = stats.listener('127.0.0.1:80');
    cell.ssl ??= new TlsStats();
    cell.ssl.handshake++;
  },
  (stats) => {
    const cell = stats.cluster('web');
    cell.ssl ??= new TlsStats();
    cell.ssl.fail_verify_san++;
  },
  (stats, n) => stats.listenerHttp('127.0.0.1:80', 'main').add(200 + n),
  (stats) => {
    stats.rbac('main').denied++;
  },
  (stats) => {
    stats.http1.dropped_headers_with_underscores++;
  },
  (stats, n) => {
    stats.filesystem.write_buffered += n;
  },
];

test('whatever is counted in several threads reads as if it had been counted in one', async () => {
  const event = fc.record({ thread: fc.nat(3), which: fc.nat(EVENTS.length - 1), n: fc.nat(99) });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      const [own, one, ...threads] = Array.from({ length: 5 }, () => new Stats()) as [Stats, Stats, ...Stats[]];
      for (const { thread, which, n } of events) {
        EVENTS[which]?.([own, ...threads][thread] as Stats, n);
        EVENTS[which]?.(one, n);
      }
      const all = new WorkerStats(own, threads.length);
      for (const [i, thread] of threads.entries()) all.said(i, sent(thread));
      for (const query of ['', 'histogram_buckets=cumulative', 'format=json', 'format=prometheus'])
        assert.deepEqual(comparable(await rendered(all, query)), comparable(await rendered(one, query)));
    }),
    { numRuns: 50 },
  );
});

test('what every thread sees as a whole is not added', async () => {
  const stats = new WorkerStats(new Stats(), 2);
  const worker = (healthy: number, rqOpen: boolean): Stats => {
    const thread = new Stats();
    thread.clusterManager.active_clusters = 3;
    thread.listenerManager.listener_create_success = 1;
    const cell = thread.cluster('web');
    cell.membership_change = 2;
    const limits = { cxOpen: false, pendingOpen: false, rqOpen, retryOpen: false, remaining: null };
    cell.gauges = {
      membership: () => ({ total: 4, healthy, degraded: 0, excluded: 0 }),
      limits: () => limits,
    };
    return thread;
  };
  stats.said(0, sent(worker(4, false)));
  stats.said(1, sent(worker(3, true)));
  const lines = await rendered(stats);
  for (const line of [
    'cluster_manager.active_clusters: 3',
    'listener_manager.listener_create_success: 2',
    'cluster.web.membership_total: 4',
    'cluster.web.membership_healthy: 3',
    'cluster.web.membership_change: 2',
    'cluster.web.circuit_breakers.default.rq_open: 1',
    'cluster.web.circuit_breakers.default.cx_open: 0',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('what a thread counted stays when it ends, what it had open does not', async () => {
  const stats = new WorkerStats(new Stats(), 2);
  const counted = (requests: number, open: number): ScopeFigures[] => {
    const thread = new Stats();
    const cell = thread.cluster('web');
    cell.upstream_rq_total = requests;
    cell.upstream_rq_active = open;
    cell.answered(200, requests);
    const listener = thread.listener('main');
    listener.downstream_cx_total = requests;
    listener.downstream_cx_active = open;
    return sent(thread);
  };
  stats.said(0, counted(5, 2));
  stats.said(1, counted(7, 3));
  stats.ended(0);
  const figure = async (name: string) =>
    (await rendered(stats)).find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  assert.equal(await figure('cluster.web.upstream_rq_total'), '12');
  assert.equal(await figure('cluster.web.upstream_rq_active'), '3');
  stats.said(0, counted(1, 1));
  assert.equal(await figure('cluster.web.upstream_rq_total'), '13');
  assert.equal(await figure('cluster.web.upstream_rq_active'), '4');
  assert.equal(await figure('cluster.web.upstream_rq_200'), '3');
  assert.equal(await figure('listener.main.worker_0.downstream_cx_total'), '6');
  assert.equal(await figure('listener.main.worker_0.downstream_cx_active'), '1');
  assert.equal(await figure('listener.main.worker_1.downstream_cx_total'), '7');
  stats.ended(0);
  stats.said(0, counted(1, 0));
  assert.equal(await figure('cluster.web.upstream_rq_total'), '14', 'a second end adds to the first');
  stats.resetCounters();
  stats.said(0, counted(0, 1));
  stats.said(1, counted(0, 3));
  assert.equal(await figure('cluster.web.upstream_rq_total'), '0');
});

test('a cluster that no thread has any more is not shown, nor remembered', async () => {
  const stats = new WorkerStats(new Stats(), 1);
  const thread = new Stats();
  thread.cluster('web').upstream_rq_total = 3;
  stats.said(0, sent(thread));
  stats.ended(0);
  stats.said(0, sent(new Stats()));
  assert.ok(!(await rendered(stats)).some((line) => line.startsWith('cluster.web.')));
  stats.forgetGone();
  const again = new Stats();
  again.cluster('web').upstream_rq_total = 1;
  stats.said(0, sent(again));
  assert.ok((await rendered(stats)).includes('cluster.web.upstream_rq_total: 1'));
});
