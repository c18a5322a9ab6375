// Discovery is killed, comes back, comes back empty, is cut off, or freezes. Traffic goes on with what was
// last good.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { call } from '../../mesh/call.ts';
import { eventually } from '../../mesh/discovery.ts';
import { startRelay } from '../../mesh/relay.ts';
import { DiscoveryProcess } from './discovery-process.ts';
import { Ledger } from './ledger.ts';
import { type Here, sidecarHere } from './sidecar-here.ts';
import { startTally, type Tally } from './tally.ts';

interface Rig {
  readonly discovery: DiscoveryProcess;
  readonly origin: Tally;
  readonly sidecar: Here;
  readonly port: number;
}

const CATALOG = { host: 'catalog:9000' };
/** What may not change when nothing did. */
const CHURN = [
  'listener_manager.listener_added',
  'listener_manager.listener_modified',
  'listener_manager.listener_removed',
  'listener_manager.listener_in_place_updated',
  'cluster_manager.cluster_added',
  'cluster_manager.cluster_modified',
  'cluster_manager.cluster_removed',
  'cluster.outbound|9000||catalog.default.svc.cluster.local.upstream_cx_destroy',
];

async function rig(t: TestContext, xds?: (discovery: DiscoveryProcess) => Promise<number>): Promise<Rig> {
  const origin = await startTally();
  t.after(() => origin.close());
  const discovery = await DiscoveryProcess.start(t);
  await discovery.register(origin.port);
  const sidecar = await sidecarHere(t, discovery.bootstrap(origin.port, await xds?.(discovery)));
  await sidecar.pages.untilLive();
  return { discovery, origin, sidecar, port: await servingPort(sidecar) };
}

/** Of its outbound listener, when the catalog answers there. */
function servingPort({ pages }: Here): Promise<number> {
  return eventually(async () => {
    const port = await pages.port('outbound');
    assert.equal((await call(`127.0.0.1:${port}`, '/now?id=w', CATALOG)).status, 200);
    return port;
  });
}

function figures({ sidecar }: Rig): Promise<number[]> {
  return Promise.all(CHURN.map((name) => sidecar.pages.stat(name)));
}

const connected = ({ sidecar }: Rig) => sidecar.pages.stat('control_plane.connected_state');

async function untilConnected(rig: Rig, state: number, ms?: number): Promise<void> {
  await eventually(async () => assert.equal(await connected(rig), state), ms);
}

async function nothingWasLost(t: TestContext, ledger: Ledger, origin: Tally): Promise<void> {
  const { sent, good, lost, mixed, failed, duplicated } = await ledger.verdict(origin.executed);
  t.diagnostic(`${good} of ${sent} good`);
  assert.deepEqual(
    { good, lost, mixed, failed, duplicated },
    { good: sent, lost: 0, mixed: 0, failed: [], duplicated: 0 },
  );
}

/** Milliseconds between tries to reach discovery, as they were chosen. */
function waits({ sidecar }: Rig): number[] {
  return sidecar.logged
    .filter((line) => line.includes('the stream to discovery ended'))
    .map((line) => (JSON.parse(line) as { wait: number }).wait);
}

describe('discovery is not there', { concurrency: true }, () => {
  it('C01 C02 L0 LKG: kill -9 under traffic, then a restart with the same data', async (t) => {
    const all = await rig(t);
    const { discovery, sidecar, port, origin } = all;
    const ledger = new Ledger(port);
    const stop = ledger.steadily(100, (n) => ({ headers: CATALOG, method: n % 4 === 0 ? 'POST' : 'GET' }));
    await eventually(() => assert.ok(ledger.sent > 50));
    const before = await figures(all);
    await discovery.kill();
    await untilConnected(all, 0);
    await eventually(async () => assert.ok((await sidecar.pages.stat('control_plane.stale_seconds')) >= 2));
    assert.equal(await sidecar.pages.get('/ready'), 'LIVE\n');

    await discovery.startAgain();
    await untilConnected(all, 1, 30_000);
    assert.equal(await sidecar.pages.stat('control_plane.stale_seconds'), 0);
    await eventually(async () => assert.ok((await sidecar.pages.stat('listener_manager.lds.update_success')) >= 2));
    stop();
    await nothingWasLost(t, ledger, origin);
    assert.deepEqual(await figures(all), before, CHURN.join(', '));
    const tries = waits(all);
    t.diagnostic(`waits between tries, ms: ${tries.join(', ')}`);
    for (const [n, wait] of tries.entries()) {
      // The first is of a stream that worked: a second after its begin.
      if (n === 0) assert.ok(wait <= 1000);
      else assert.ok(wait >= 250 && wait <= Math.min(30_000, 500 * (2 ** n - 1)), `${n}: ${wait}`);
    }
  });

  it('C03 LKG: discovery comes back without its data', async (t) => {
    const all = await rig(t);
    const { discovery, sidecar, port, origin } = all;
    const ledger = new Ledger(port);
    const stop = ledger.steadily(50, () => ({ headers: CATALOG }));
    await discovery.kill();
    rmSync(discovery.dataDir, { recursive: true });
    await discovery.startAgain();
    await untilConnected(all, 1, 30_000);
    await eventually(async () => assert.ok((await sidecar.pages.stat('listener_manager.lds.update_success')) >= 2));
    await eventually(() => assert.ok(sidecar.logged.some((line) => line.includes('discovery has nothing any more'))));
    const { sent } = ledger;
    await eventually(() => assert.ok(ledger.sent > sent + 50));
    stop();
    await nothingWasLost(t, ledger, origin);
  });

  it('C04 C05 LKG: cut off in both directions or one, and frozen: seen within 30 s, and over when it is over', {
    timeout: 90_000,
  }, async (t) => {
    const origin = await startTally();
    t.after(() => origin.close());
    const [cut, frozen] = [await DiscoveryProcess.start(t), await DiscoveryProcess.start(t)];
    for (const discovery of [cut, frozen]) await discovery.register(origin.port);
    const ways = [['up', 'down'], ['up'], ['down']] as const;
    const relays = await Promise.all(ways.map(() => startRelay(cut.xds)));
    t.after(() => Promise.all(relays.map((relay) => relay.close())));
    const bootstraps = [...relays.map(({ port }) => cut.bootstrap(origin.port, port)), frozen.bootstrap(origin.port)];
    const sidecars = await Promise.all(bootstraps.map((text) => sidecarHere(t, text)));
    const ports = await Promise.all(sidecars.map(servingPort));
    const states = () => Promise.all(sidecars.map(({ pages }) => pages.stat('control_plane.connected_state')));
    await eventually(async () => assert.deepEqual(await states(), [1, 1, 1, 1]));

    const began = performance.now();
    for (const [i, relay] of relays.entries()) relay.swallow(...(ways[i] ?? []));
    frozen.program.child.kill('SIGSTOP');
    const ledgers = ports.map((port) => new Ledger(port));
    const stops = ledgers.map((ledger) => ledger.steadily(10, () => ({ headers: CATALOG })));
    const seen: number[] = [];
    await Promise.all(
      sidecars.map(({ pages }, i) =>
        eventually(async () => {
          assert.equal(await pages.stat('control_plane.connected_state'), 0);
          seen[i] = performance.now() - began;
        }, 30_000),
      ),
    );
    t.diagnostic(`seen after ${seen.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s (both, up, down, frozen)`);
    frozen.program.child.kill('SIGCONT');
    for (const relay of relays) {
      relay.heal();
      // What was swallowed is not sent again, as it would be by the system of the sender.
      relay.each((link) => link.reset());
    }
    await eventually(async () => assert.deepEqual(await states(), [1, 1, 1, 1]), 45_000);
    for (const stop of stops) stop();
    for (const ledger of ledgers) await nothingWasLost(t, ledger, origin);
  });
});
