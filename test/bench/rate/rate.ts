// `bench -- rate`: latency at a rate that everybody can carry, peers taking turns. Under a load that asks as fast
// as it is answered the slowest have the least to do; at a fixed rate all have the same.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '../certificates.ts';
import type { RateOptions } from '../options.ts';
import { startOrigin } from '../peers/origin.ts';
import { http1Peers, buildOurs, type Peer, rateGeneratorVersion } from '../peers/peers.ts';
import { median } from '../result.ts';
import { writeResult } from '../result-file.ts';
import { type Contestant, enter } from '../scenarios.ts';
import { Stack } from '../stack.ts';
import { loadAtRate, type RateSeen } from './h2load.ts';
import { judge, type RateRow, rateTable } from './verdict.ts';

const WARMUP_SECONDS = 3;

interface Round extends RateSeen {
  readonly cpuMicrosPerRequest: number;
}

export async function rate(options: RateOptions): Promise<void> {
  const peers = http1Peers();
  const h2load = rateGeneratorVersion();
  for (const { name, version } of peers) process.stdout.write(`${name.padEnd(9)} ${version ?? 'MISSING'}\n`);
  process.stdout.write(`h2load    ${h2load ?? 'MISSING'}\n`);
  const here = peers.filter(({ name, version }) => version !== null && isWanted(name, options));
  if (h2load === null) throw new Error('h2load drives the load: without it there is nothing to measure');
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-rate-'));
  const stop = new Stack();
  try {
    const rows = await play(await enterAll(here, folder, stop), folder, options);
    report(options, Object.fromEntries([...peers.map((one) => [one.name, one.version]), ['h2load', h2load]]), rows);
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

function isWanted(name: string, { only }: RateOptions): boolean {
  return only.length === 0 || only.includes(name);
}

async function enterAll(peers: readonly Peer[], folder: string, stop: Stack): Promise<Contestant[]> {
  const originPort = await startOrigin(folder, stop);
  const certificates = await makeCertificates(folder);
  const contestants: Contestant[] = [];
  for (const peer of peers) {
    const contestant = await enter('plain', peer, folder, originPort, certificates);
    stop.push(...contestant.processes);
    contestants.push(contestant);
  }
  return contestants;
}

async function play(contestants: readonly Contestant[], folder: string, options: RateOptions): Promise<RateRow[]> {
  for (const one of contestants) await measure(one, folder, { ...options, seconds: WARMUP_SECONDS });
  const found = contestants.map((): Round[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [i, one] of contestants.entries()) {
      const seen = await measure(one, folder, options);
      found[i]?.push(seen);
      const ms = `p50 ${seen.p50Ms.toFixed(2)}, p99 ${seen.p99Ms.toFixed(2)}, p99.9 ${seen.p999Ms.toFixed(2)} ms`;
      process.stdout.write(`  round ${round}  ${one.peer.name.padEnd(9)} ${ms}\n`);
    }
  }
  return contestants.map(({ peer }, i) => rowOf(peer.name, found[i] ?? []));
}

async function measure({ port, processes }: Contestant, folder: string, options: RateOptions): Promise<Round> {
  const cpu = () => processes.reduce((sum, one) => sum + one.cpuMicros(), 0);
  const before = cpu();
  const seen = await loadAtRate(folder, { ...options, port });
  return { ...seen, cpuMicrosPerRequest: (cpu() - before) / seen.requests };
}

function rowOf(peer: string, rounds: readonly Round[]): RateRow {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  return {
    peer,
    perSecond: of(({ perSecond }) => perSecond),
    cpuMicrosPerRequest: of(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    p999Ms: of(({ p999Ms }) => p999Ms),
    sentP99Ms: of(({ asSent }) => asSent.p99Ms),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    rounds,
  };
}

function report(options: RateOptions, versions: Readonly<Record<string, unknown>>, rows: readonly RateRow[]): void {
  const { rounds, seconds, connections, perSecond } = options;
  process.stdout.write(`\n${rounds} rounds of ${seconds} s, ${connections} connections, ${perSecond} requests/s\n\n`);
  process.stdout.write(rateTable(rows));
  const faults = judge(rows, perSecond);
  for (const fault of faults) process.stdout.write(`BROKEN: ${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
  writeResult(options.json, { versions, rounds, seconds, connections, perSecond, faults, rows });
}
