// `bench -- endpoints`: how late the sidecar's event loop is while ten thousand endpoints are applied over ADS and
// a light load goes on: who waits meanwhile waits that long.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bootstrapOf } from '../../../cli/verbs/bootstrap.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../proto/resources.ts';
import { call } from '../../mesh/call.ts';
import { eventually } from '../../mesh/discovery.ts';
import { RDS_MANAGER, ScriptedDiscovery } from '../../scenarios/faults/scripted-discovery.ts';
import { startAdsServer } from '../../sidecar/xds/ads-server.ts';
import { edsClusterJson, listenerJson, routesJson, routeTo } from '../../sidecar/xds/messages.ts';
import type { SteadyOrder, SteadyReport } from '../idle/steady.ts';
import type { EndpointsOptions } from '../options.ts';
import { type Endpoint, startOrigins } from '../peers/many-origins.ts';
import { buildOurs, sidecarCommand } from '../peers/peers.ts';
import { OTHER_CORE, PROXY_CORE, pinned } from '../processes.ts';
import { median } from '../result.ts';
import { writeResult } from '../result-file.ts';
import { startScript } from '../script.ts';
import { Stack } from '../stack.ts';
import type { DelayReport } from './probe.ts';

/** Of the 99.9th percentile within the time from the answer of discovery until it is in force. */
const MOST_DELAY_MS = 20;
const PER_SECOND = 200;
/** What goes on after the acknowledgement: the first pick, the file on disk. */
const AFTER_MS = 500;
const BETWEEN_MS = 300;
const PROBE = fileURLToPath(new URL('./probe.ts', import.meta.url));

interface Round extends DelayReport {
  readonly change: 'all' | 'one' | 'none';
  readonly ackMs: number;
}

export async function endpoints(options: EndpointsOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-endpoints-'));
  const stop = new Stack();
  const ads = await startAdsServer();
  try {
    const origins = await startOrigins(folder, options.count);
    stop.push(...origins.processes);
    const [listenPort = 0, adminPort = 0] = await freePorts(2);
    const sidecar = startSidecar(folder, ads.port, adminPort);
    stop.push({ stop: () => end(sidecar) });
    const discovery = await ScriptedDiscovery.client(ads);
    await serve(discovery, listenPort, origins.endpoints);
    report(options, await play(options, discovery, sidecar, listenPort, origins.endpoints, stop));
  } finally {
    await stop.all();
    ads.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startSidecar(folder: string, adsPort: number, adminPort: number): ChildProcess {
  const file = join(folder, 'sidecar.json');
  const flags = { service: 'a', 'admin-port': `${adminPort}`, 'xds-address': `127.0.0.1:${adsPort}`, 'app-port': '1' };
  writeFileSync(file, JSON.stringify(bootstrapOf(flags)));
  const more = ['--state-dir', join(folder, 'state')];
  const [program = '', ...args] = pinned(PROXY_CORE, sidecarCommand(file, ['--import', PROBE], more));
  return spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

async function serve(discovery: ScriptedDiscovery, port: number, all: readonly Endpoint[]): Promise<void> {
  await discovery.send(CLUSTER, edsClusterJson('a', { lb_policy: 'LEAST_REQUEST' }));
  await discovery.send(ENDPOINT, assignment(all.slice(0, 1), 1));
  await discovery.send(LISTENER, listenerJson('main', port, RDS_MANAGER));
  await discovery.send(ROUTE, routesJson('r', [routeTo('a')]));
  await eventually(async () => {
    const { status } = await call(`127.0.0.1:${port}`, '/');
    if (status !== 200) throw new Error(`the sidecar answers ${status}`);
  });
}

/** As our discovery and others send it: in two localities, with weights and metadata. */
function assignment(all: readonly Endpoint[], firstWeight: number) {
  const zone = (name: string, part: number) => ({
    locality: { region: 'here', zone: name },
    load_balancing_weight: 1,
    lb_endpoints: all
      .filter((_, i) => i % 2 === part)
      .map(({ host, port }, i) => ({
        endpoint: { address: { socket_address: { address: host, port_value: port } } },
        load_balancing_weight: i === 0 ? firstWeight : 1,
        metadata: { filter_metadata: { 'envoy.lb': { version: `v${i % 3}` } } },
      })),
  });
  return { cluster_name: 'a', endpoints: [zone('a', 0), zone('b', 1)] };
}

async function play(
  { count, rounds }: EndpointsOptions,
  discovery: ScriptedDiscovery,
  sidecar: ChildProcess,
  port: number,
  all: readonly Endpoint[],
  stop: Stack,
): Promise<Round[]> {
  const steady = startScript<SteadyOrder, readonly SteadyReport[]>('idle/steady.ts', OTHER_CORE);
  stop.push(steady);
  const seconds = Math.ceil((rounds * 3 * (AFTER_MS + BETWEEN_MS)) / 1000) * 4;
  const load = steady.ask({ ports: [port], perSecond: PER_SECOND, seconds });
  load.catch(() => {});
  const found: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    await discovery.send(ENDPOINT, assignment(all.slice(0, 1), 1));
    for (const change of ['none', 'all', 'one'] as const) {
      await pause(BETWEEN_MS);
      const message = assignment(all.slice(0, count), change === 'one' ? 2 : 1);
      const round = await one(change, sidecar, () => discovery.send(ENDPOINT, message));
      found.push(round);
      process.stdout.write(
        `${change.padEnd(4)} p99.9 ${round.p999Ms.toFixed(1)} ms, most ${round.maxMs.toFixed(1)} ms; acknowledged after ${round.ackMs.toFixed(0)} ms\n`,
      );
    }
  }
  return found;
}

async function one(change: Round['change'], sidecar: ChildProcess, send: () => Promise<unknown>): Promise<Round> {
  await ask(sidecar, 'begin');
  const started = performance.now();
  if (change !== 'none') await send();
  const ackMs = performance.now() - started;
  await pause(AFTER_MS);
  return { change, ackMs, ...(await ask(sidecar, 'report')) };
}

async function ask(sidecar: ChildProcess, order: 'begin' | 'report'): Promise<DelayReport> {
  const answer = once(sidecar, 'message');
  sidecar.send(order);
  return (await answer)[0] as DelayReport;
}

function report({ count, rounds, json }: EndpointsOptions, found: readonly Round[]): void {
  const of = (change: Round['change'], key: 'p999Ms' | 'maxMs') =>
    found.filter((round) => round.change === change).map((round) => round[key]);
  const figures = (['none', 'all', 'one'] as const).map((change) => ({
    change,
    p999Ms: median(of(change, 'p999Ms')),
    maxMs: median(of(change, 'maxMs')),
  }));
  for (const { change, p999Ms, maxMs } of figures)
    process.stdout.write(
      `${change.padEnd(4)} median p99.9 ${p999Ms.toFixed(1)} ms, median of the longest ${maxMs.toFixed(1)} ms\n`,
    );
  if (figures.some(({ p999Ms }) => p999Ms > MOST_DELAY_MS)) {
    process.stdout.write(`BROKEN: at most ${MOST_DELAY_MS} ms\n`);
    process.exitCode = 1;
  }
  writeResult(json, { count, rounds, boundMs: MOST_DELAY_MS, figures, found });
}
