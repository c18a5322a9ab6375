// Upstreams and clients of different speed, and a storm of retries: what waits has a bound.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';
import { type Running, runSidecar } from '../../sidecar/concurrency/process.ts';
import { clusterOf, retryingRoute } from './clusters.ts';
import { download, type FloodOrigin, startFlood, still, upload } from './floods.ts';
import { Ledger } from './ledger.ts';
import { MIB, residentOf, watchMemory } from './memory.ts';
import { startTally } from './tally.ts';

interface Rig {
  readonly flood: FloodOrigin;
  readonly sidecar: Running;
  readonly port: number;
  /** Others, who have nothing to do with it. */
  readonly ledger: Ledger;
  readonly executed: ReadonlyMap<string, number>;
}

/** A sidecar as a process of its own, warm. */
async function rig(t: TestContext): Promise<Rig> {
  const flood = await startFlood();
  const tally = await startTally();
  t.after(() => Promise.all([flood.close(), tally.close()]));
  const routes = `- {match: {path: /now}, route: {cluster: others}}
- {match: {prefix: /}, route: {cluster: flood, timeout: 0s}}`;
  const sidecar = await runSidecar(t, bootstrapText({ origins: { flood: flood.port, others: tally.port }, routes }));
  const port = await sidecar.pages.port();
  const ledger = new Ledger(port);
  await ledger.inTurn(8, 4000);
  await Promise.all((await Promise.all([1, 2, 3, 4].map(() => download(port, 32 * MIB)))).map(({ done }) => done));
  return { flood, sidecar, port, ledger, executed: tally.executed };
}

async function othersAreWell(t: TestContext, { ledger, executed }: Rig): Promise<void> {
  const { sent, good, lost, mixed, failed } = await ledger.verdict(executed);
  t.diagnostic(`the others: ${good} of ${sent} good`);
  assert.deepEqual({ good, lost, mixed, failed }, { good: sent, lost: 0, mixed: 0, failed: [] });
}

const READERS = 100;
/** The promise: two buffers and a write under way for each. */
const FOR_EACH = (2 * 64 + 64) * 1024;

test('U10 MB: a fast upstream and 100 readers that stopped', { timeout: 60_000 }, async (t) => {
  const all = await rig(t);
  const { flood, sidecar, port, ledger } = all;
  const pid = sidecar.child.pid as number;
  const base = residentOf(pid);
  const watch = watchMemory(pid);
  const size = 64 * MIB;
  const before = flood.sent;
  const slow = await Promise.all(
    Array.from({ length: READERS }, async () => {
      const one = await download(port, size);
      one.client.socket.pause();
      return one;
    }),
  );
  await ledger.inTurn(4, 500);
  const pushed = (await still(() => flood.sent)) - before;
  const grown = watch.most() - base;
  t.diagnostic(
    `${READERS} x ${size / MIB} MiB: ${(pushed / READERS / MIB).toFixed(1)} MiB each left the origin; the sidecar grew by ${(grown / MIB).toFixed(1)} MiB from ${(base / MIB).toFixed(0)}`,
  );
  assert.ok(pushed < (READERS * size) / 2, 'the origin was not braked');
  assert.ok(grown < READERS * FOR_EACH, `grew by ${grown} bytes`);
  for (const { client } of slow) client.close();
  await othersAreWell(t, all);
});

/** V8 looks for body pieces that nobody holds any more when there are so many bytes of them. */
const UNCOLLECTED = 64 * MIB;

test('U11 MB: a fast upload to an upstream that stops reading', { timeout: 90_000 }, async (t) => {
  const all = await rig(t);
  const { flood, sidecar, port, ledger } = all;
  const pid = sidecar.child.pid as number;
  // What an upload of a quarter comes to at most.
  const size = 512 * MIB;
  const warming = watchMemory(pid);
  const warm = await upload(port, size / 4);
  await warm.client.until((text) => text.endsWith('done'), 60_000);
  warm.client.close();
  const base = warming.most();
  const watch = watchMemory(pid);
  flood.reading(false);
  const sending = await upload(port, size);
  const handed = await still(() => sending.handed);
  await ledger.inTurn(4, 500);
  // The system's own buffers of four sockets may take some tens of MiB.
  assert.ok(handed < size / 4, `the client could hand over ${handed} bytes`);
  const before = flood.received;
  flood.reading(true);
  await sending.client.until((text) => text.endsWith('done'), 60_000);
  const grown = watch.most() - base;
  t.diagnostic(
    `paused after ${(handed / MIB).toFixed(1)} MiB; ${((flood.received - before) / MIB).toFixed(0)} MiB arrived; the most the sidecar had was ${(base / MIB).toFixed(0)} MiB for a quarter, and ${(grown / MIB).toFixed(1)} more for all`,
  );
  assert.ok(grown < UNCOLLECTED, `grew by ${grown} bytes`);
  sending.client.close();
  await othersAreWell(t, all);
});

test('U18 MB: every upstream answers 503: retries stay within their budget', async (t) => {
  const tally = await startTally();
  const budget =
    'circuit_breakers: {thresholds: [{retry_budget: {budget_percent: {value: 20}, min_retry_concurrency: 3}}]}';
  const proxy = await startProxy({
    origins: {},
    clusters: clusterOf('pool', [tally.port], budget),
    routes: retryingRoute('pool', 3).replace('connect-failure,reset', '5xx'),
  });
  t.after(() => Promise.all([proxy.close(), tally.close()]));
  const ledger = new Ledger(proxy.port());
  const requests = 3000;
  await ledger.inTurn(100, requests, () => ({ path: '/fail' }));
  const { lost, failed } = await ledger.verdict(tally.executed);
  const load = [...tally.executed.values()].reduce((sum, times) => sum + times, 0) / requests;
  t.diagnostic(`${requests} requests came to ${load.toFixed(3)} as many at the upstream`);
  assert.deepEqual([lost, failed.length], [0, requests]);
  assert.ok(load > 1.02 && load <= 1.25, `${load} of the load`);
});
