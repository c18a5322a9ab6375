// Whole proxies under load. All are up at once; in each round every contestant has its turn, so that
// whatever disturbs the machine disturbs all of them; the median of the rounds counts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import type { MacroOptions } from './options.ts';
import { loadHttp2 } from './h2load.ts';
import { startOrigin } from './peers/origin.ts';
import { nghttpdCommand } from './peers/nghttpd.ts';
import {
  allPeers,
  buildOurs,
  http2OriginVersion,
  loadGeneratorVersion,
  type Peer,
  rateGeneratorVersion,
} from './peers/peers.ts';
import { canPin, OTHER_CORE, start } from './processes.ts';
import { type Measured, type Row, summarise, table } from './result.ts';
import { writeResult } from './result-file.ts';
import {
  type Contestant,
  enter,
  type Origin,
  originOf,
  pathOf,
  plays,
  SCENARIOS,
  type ScenarioName,
} from './scenarios.ts';
import { Stack } from './stack.ts';
import { type Load, load } from './wrk.ts';

export async function macro(options: MacroOptions): Promise<void> {
  const peers = allPeers();
  const wrk = loadGeneratorVersion();
  tellWhatIsMissing(peers, wrk);
  const nginx = peers.find(({ name }) => name === 'nginx');
  if (wrk === null || nginx?.version == null) {
    process.stderr.write('wrk drives the load and nginx is the origin: without both there is nothing to measure\n');
    process.exitCode = 1;
    return;
  }
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const stop = new Stack();
  try {
    const rows = await measureAll(options, peers, folder, stop);
    report(options, peers, wrk, rows);
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

function tellWhatIsMissing(peers: readonly Peer[], wrk: string | null): void {
  for (const { name, version } of peers) process.stdout.write(`${name.padEnd(9)} ${version ?? 'MISSING'}\n`);
  process.stdout.write(`wrk       ${wrk ?? 'MISSING'}\n`);
  if (!canPin) process.stdout.write('processes are not pinned to cores (taskset, or a second core, is missing)\n');
}

async function measureAll(options: MacroOptions, peers: readonly Peer[], folder: string, stop: Stack): Promise<Row[]> {
  const certificates = await makeCertificates(folder);
  const origins = await startOrigins(folder, stop);
  const rows: Row[] = [];
  for (const scenario of Object.keys(SCENARIOS) as ScenarioName[]) {
    const originPort = origins[originOf(scenario)];
    const present = peers.filter(
      (peer) => peer.version !== null && plays(peer, scenario) && wanted(options, scenario, peer.name),
    );
    if (present.length === 0) continue;
    if (originPort === 0) {
      process.stdout.write(`\n${SCENARIOS[scenario]}: nghttpd or h2load is MISSING\n`);
      continue;
    }
    process.stdout.write(`\n${SCENARIOS[scenario]}\n`);
    const contestants = await enterAll(scenario, present, { folder, originPort, certificates }, stop);
    rows.push(...(await play(contestants, options, folder)));
    for (const { processes } of contestants) await Promise.all(processes.map((one) => one.stop()));
  }
  return rows;
}

/** nginx over HTTP/1.1; over HTTP/2 nghttpd, and h2load to ask it. 0: what is needed is missing. */
async function startOrigins(folder: string, stop: Stack): Promise<Readonly<Record<Origin, number>>> {
  const http1 = await startOrigin(folder, stop);
  const [http2 = 0, grpc = 0] = await freePorts(2);
  if (rateGeneratorVersion() === null || http2OriginVersion() === null) return { http1, http2: 0, grpc: 0 };
  stop.push(start('origin-http2', folder, OTHER_CORE, nghttpdCommand(folder, http2, false)));
  stop.push(start('origin-grpc', folder, OTHER_CORE, nghttpdCommand(folder, grpc, true)));
  return { http1, http2, grpc };
}

/** Words of --only name scenarios and peers; of a kind that is not named, all are wanted. */
function wanted({ only }: MacroOptions, scenario: string, peer: string): boolean {
  const scenarios = only.filter((word) => word in SCENARIOS);
  const peers = only.filter((word) => !(word in SCENARIOS));
  return (scenarios.length === 0 || scenarios.includes(scenario)) && (peers.length === 0 || peers.includes(peer));
}

interface Place {
  readonly folder: string;
  readonly originPort: number;
  readonly certificates: Certificates;
}

async function enterAll(
  scenario: ScenarioName,
  peers: readonly Peer[],
  { folder, originPort, certificates }: Place,
  stop: Stack,
): Promise<Contestant[]> {
  const contestants: Contestant[] = [];
  for (const peer of peers) {
    const contestant = await enter(scenario, peer, folder, originPort, certificates);
    stop.push(...contestant.processes);
    contestants.push(contestant);
  }
  return contestants;
}

async function play(contestants: readonly Contestant[], options: MacroOptions, folder: string): Promise<Row[]> {
  const idle = contestants.map(residentMb);
  for (const contestant of contestants) await loadOne(contestant, options.warmupSeconds, options, folder);
  const measured = contestants.map((): Measured[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const one = await measure(contestant, options, folder);
      measured[i]?.push(one);
      const cpu = one.cpuMicrosPerRequest.toFixed(1);
      process.stdout.write(`  round ${round}  ${contestant.peer.name.padEnd(9)} ${cpu} us/request\n`);
    }
  }
  return contestants.map((contestant, i) => ({
    scenario: contestant.scenario,
    peer: contestant.peer.name,
    ...summarise(measured[i] ?? []),
    idleMb: idle[i] ?? 0,
    loadedMb: residentMb(contestant),
    rounds: measured[i] ?? [],
  }));
}

function loadOne(
  { port, scenario }: Contestant,
  seconds: number,
  options: MacroOptions,
  folder: string,
): Promise<Load> {
  const path = pathOf(scenario);
  return originOf(scenario) === 'http1'
    ? load(port, path, seconds, options.connections)
    : loadHttp2(folder, port, path, seconds, scenario === 'grpc');
}

async function measure(contestant: Contestant, options: MacroOptions, folder: string): Promise<Measured> {
  const { processes } = contestant;
  const cpu = () => processes.reduce((sum, one) => sum + one.cpuMicros(), 0);
  const before = cpu();
  const seen = await loadOne(contestant, options.seconds, options, folder);
  return { ...seen, cpuMicrosPerRequest: (cpu() - before) / seen.requests };
}

function residentMb({ processes }: Contestant): number {
  return processes.reduce((sum, one) => sum + one.residentMb(), 0);
}

function report(options: MacroOptions, peers: readonly Peer[], wrk: string, rows: readonly Row[]): void {
  process.stdout.write(`\n${options.rounds} rounds of ${options.seconds} s, ${options.connections} connections\n`);
  for (const scenario of Object.keys(SCENARIOS) as ScenarioName[]) {
    const own = rows.filter((row) => row.scenario === scenario);
    if (own.length > 0) process.stdout.write(`\n${SCENARIOS[scenario]}\n\n${table(own)}`);
  }
  const versions = Object.fromEntries([...peers.map(({ name, version }) => [name, version]), ['wrk', wrk]]);
  const { rounds, seconds, connections } = options;
  writeResult(options.json, { versions, rounds, seconds, connections, rows });
}
