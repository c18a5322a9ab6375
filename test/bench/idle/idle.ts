// `bench -- idle`: what an idle connection weighs, and what a crowd of idle and slow ones costs the others.
// In each round the others are measured without the crowd and with it.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { makeCertificates } from '../certificates.ts';
import type { IdleOptions } from '../options.ts';
import { originConfig } from '../peers/nginx-config.ts';
import { allPeers, buildOurs, type Peer } from '../peers/peers.ts';
import { OTHER_CORE, type Running, start } from '../processes.ts';
import { median } from '../result.ts';
import { writeResult } from '../result-file.ts';
import { enter } from '../scenarios.ts';
import { type Script, startScript } from '../script.ts';
import { Stack } from '../stack.ts';
import type { CrowdOrder, CrowdReport } from './crowd.ts';
import type { SteadyOrder, SteadyReport } from './steady.ts';

/** KB of resident memory. */
const MOST_PER_IDLE_KB = 12;
/** Of the 99th percentile of the others, with the crowd and without. */
const MOST_RATIO = 1.2;
const PEERS = ['fairlead', 'envoy'];
const WARMUP_SECONDS = 5;
const REST_MS = 2000;
const GONE_WITHIN_MS = 20_000;

interface Scene {
  readonly peer: string;
  readonly port: number;
  readonly proxy: Running;
  readonly crowd: Script<CrowdOrder, CrowdReport>;
  readonly steady: Script<SteadyOrder, SteadyReport>;
}

interface Row {
  readonly peer: string;
  readonly aloneMb: number;
  readonly withIdleMb: number;
  readonly withAllMb: number;
  readonly perIdleKb: number;
  /** Medians of the rounds. */
  readonly p99AloneMs: number;
  readonly p99CrowdMs: number;
  readonly ratio: number;
  readonly errors: number;
  readonly lost: number;
  readonly rounds: readonly Round[];
}

interface Round {
  readonly alone: SteadyReport;
  readonly crowd: SteadyReport;
  readonly withIdleMb: number;
  readonly withAllMb: number;
  readonly lost: number;
}

export async function idle(options: IdleOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-idle-'));
  const stop = new Stack();
  try {
    const [originPort = 0] = await freePorts(1);
    const config = join(folder, 'origin.conf');
    writeFileSync(config, originConfig(folder, originPort));
    stop.push(start('origin', folder, OTHER_CORE, ['nginx', '-c', config]));
    const rows: Row[] = [];
    for (const peer of allPeers().filter((one) => wanted(one, options)))
      rows.push(await measurePeer(peer, folder, originPort, options, stop));
    report(options, rows);
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

function wanted({ name, version }: Peer, { only }: IdleOptions): boolean {
  if (version === null) process.stdout.write(`${name} MISSING\n`);
  return version !== null && PEERS.includes(name) && (only.length === 0 || only.includes(name));
}

async function measurePeer(
  peer: Peer,
  folder: string,
  originPort: number,
  options: IdleOptions,
  stop: Stack,
): Promise<Row> {
  const more = { timeout: '0s' };
  const entered = await enter('plain', peer, folder, originPort, await makeCertificates(folder), more);
  const crowd = startScript<CrowdOrder, CrowdReport>('idle/crowd.ts', OTHER_CORE);
  const steady = startScript<SteadyOrder, SteadyReport>('idle/steady.ts', OTHER_CORE);
  stop.push(...entered.processes, crowd, steady);
  const scene = { peer: peer.name, port: entered.port, proxy: entered.processes[0] as Running, crowd, steady };
  const row = await play(scene, options);
  await Promise.all([...entered.processes, crowd, steady].map((one) => one.stop()));
  return row;
}

async function play(scene: Scene, options: IdleOptions): Promise<Row> {
  const { port, proxy, steady } = scene;
  await steady.ask({ port, perSecond: options.perSecond, seconds: WARMUP_SECONDS });
  await pause(REST_MS);
  const aloneMb = proxy.residentMb();
  const rounds: Round[] = [];
  for (let i = 0; i < options.rounds; i++) rounds.push(await playRound(scene, options));
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  const first = rounds[0] as Round;
  const p99AloneMs = of(({ alone }) => alone.p99Ms);
  const p99CrowdMs = of(({ crowd }) => crowd.p99Ms);
  return {
    peer: scene.peer,
    aloneMb,
    withIdleMb: first.withIdleMb,
    withAllMb: first.withAllMb,
    perIdleKb: ((first.withIdleMb - aloneMb) * 1024) / options.idle,
    p99AloneMs,
    p99CrowdMs,
    ratio: of(({ alone, crowd }) => crowd.p99Ms / alone.p99Ms),
    errors: rounds.reduce((sum, { alone, crowd }) => sum + alone.errors + crowd.errors, 0),
    lost: rounds.reduce((sum, { lost }) => sum + lost, 0),
    rounds,
  };
}

async function playRound({ peer, port, proxy, crowd, steady }: Scene, options: IdleOptions): Promise<Round> {
  const load = { port, perSecond: options.perSecond, seconds: options.seconds };
  const open = openConnections(proxy);
  const alone = await steady.ask(load);
  await crowd.ask({ do: 'idle', port, count: options.idle });
  await pause(REST_MS);
  const withIdleMb = proxy.residentMb();
  await crowd.ask({ do: 'slow', port, count: options.slow });
  await pause(REST_MS);
  const withAllMb = proxy.residentMb();
  const crowded = await steady.ask(load);
  const { lost } = await crowd.ask({ do: 'idle', port, count: 0 });
  await crowd.ask({ do: 'leave', port, count: 0 });
  await untilGone(proxy, open + options.idle / 10);
  const ms = ({ p50Ms, p99Ms }: SteadyReport) => `p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)} ms`;
  process.stdout.write(
    `${peer.padEnd(9)} alone ${ms(alone)}; crowd ${ms(crowded)}; ${withIdleMb} MB, ${withAllMb} MB\n`,
  );
  return { alone, crowd: crowded, withIdleMb, withAllMb, lost };
}

function openConnections({ pid }: Running): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function untilGone(proxy: Running, most: number): Promise<void> {
  const end = performance.now() + GONE_WITHIN_MS;
  while (openConnections(proxy) > most) {
    if (performance.now() > end) throw new Error(`${openConnections(proxy)} handles are open after the crowd left`);
    await pause(100);
  }
}

function report(options: IdleOptions, rows: readonly Row[]): void {
  for (const row of rows) {
    process.stdout.write(
      `${row.peer.padEnd(9)} ${row.perIdleKb.toFixed(1)} KB per idle connection; ${row.withAllMb} MB with all; p99 x ${row.ratio.toFixed(2)}; ${row.errors} errors, ${row.lost} lost\n`,
    );
  }
  const ours = rows.find(({ peer }) => peer === 'fairlead');
  if (ours !== undefined && (ours.perIdleKb > MOST_PER_IDLE_KB || ours.ratio > MOST_RATIO || ours.errors > 0)) {
    process.stdout.write(`BROKEN: at most ${MOST_PER_IDLE_KB} KB, ${MOST_RATIO} x, and no errors\n`);
    process.exitCode = 1;
  }
  const { idle: idleCount, slow, rounds, seconds, perSecond } = options;
  const bounds = { perIdleKb: MOST_PER_IDLE_KB, ratio: MOST_RATIO };
  writeResult(options.json, { idle: idleCount, slow, rounds, seconds, perSecond, bounds, rows });
}
