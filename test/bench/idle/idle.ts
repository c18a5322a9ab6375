// `bench -- idle`: what an idle connection weighs, and what a crowd of idle and slow ones costs the others.
//
// Each peer runs twice on the same core, once with the crowd and once without, and the others ask both at the same
// time. Measured one after the other, other work on the machine was all the difference (0.04 to 6 times); asked
// together, what disturbs one disturbs the other, and the median of many short measurements counts.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeCertificates } from '../certificates.ts';
import type { IdleOptions } from '../options.ts';
import { startOrigin } from '../peers/origin.ts';
import { http1Peers, buildOurs, type Peer } from '../peers/peers.ts';
import { OTHER_CORE, type Running } from '../processes.ts';
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
  /** The crowd's. */
  readonly proxy: Running;
  /** Of the same peer without the crowd. */
  readonly quietPort: number;
  readonly crowd: Script<CrowdOrder, CrowdReport>;
  readonly steady: Script<SteadyOrder, readonly SteadyReport[]>;
}

interface Row {
  readonly peer: string;
  readonly aloneMb: number;
  readonly withIdleMb: number;
  readonly withAllMb: number;
  readonly perIdleKb: number;
  /** Medians of the pairs. */
  readonly p99AloneMs: number;
  readonly p99CrowdMs: number;
  /** Median of the ratios of the pairs. */
  readonly ratio: number;
  readonly errors: number;
  readonly lost: number;
  readonly rounds: readonly Round[];
}

/** Measured at the same time. */
interface Pair {
  readonly alone: SteadyReport;
  readonly crowd: SteadyReport;
}

interface Round {
  readonly pairs: readonly Pair[];
  readonly withIdleMb: number;
  readonly withAllMb: number;
  readonly lost: number;
}

export async function idle(options: IdleOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-idle-'));
  const stop = new Stack();
  try {
    const originPort = await startOrigin(folder, stop);
    const rows: Row[] = [];
    for (const peer of http1Peers().filter((one) => wanted(one, options)))
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
  const certificates = await makeCertificates(folder);
  const more = { timeout: '0s' };
  const entered = await enter('plain', peer, folder, originPort, certificates, more);
  stop.push(...entered.processes);
  const quiet = await enter('plain', peer, folder, originPort, certificates, { ...more, name: `${peer.name}-quiet` });
  const crowd = startScript<CrowdOrder, CrowdReport>('idle/crowd.ts', OTHER_CORE);
  const steady = startScript<SteadyOrder, readonly SteadyReport[]>('idle/steady.ts', OTHER_CORE);
  stop.push(...quiet.processes, crowd, steady);
  const proxy = entered.processes[0] as Running;
  const row = await play({ peer: peer.name, port: entered.port, quietPort: quiet.port, proxy, crowd, steady }, options);
  await Promise.all([...entered.processes, ...quiet.processes, crowd, steady].map((one) => one.stop()));
  return row;
}

async function play(scene: Scene, options: IdleOptions): Promise<Row> {
  const { port, quietPort, proxy, steady } = scene;
  await steady.ask({ ports: [port, quietPort], perSecond: options.perSecond, seconds: WARMUP_SECONDS });
  await pause(REST_MS);
  const aloneMb = proxy.residentMb();
  const rounds: Round[] = [];
  for (let i = 0; i < options.rounds; i++) rounds.push(await playRound(scene, options));
  const pairs = rounds.flatMap((round) => round.pairs);
  const of = (pick: (pair: Pair) => number) => median(pairs.map(pick));
  const first = rounds[0] as Round;
  return {
    peer: scene.peer,
    aloneMb,
    withIdleMb: first.withIdleMb,
    withAllMb: first.withAllMb,
    perIdleKb: ((first.withIdleMb - aloneMb) * 1024) / options.idle,
    p99AloneMs: of(({ alone }) => alone.p99Ms),
    p99CrowdMs: of(({ crowd }) => crowd.p99Ms),
    ratio: of(({ alone, crowd }) => crowd.p99Ms / alone.p99Ms),
    errors: pairs.reduce((sum, { alone, crowd }) => sum + alone.errors + crowd.errors, 0),
    lost: rounds.reduce((sum, { lost }) => sum + lost, 0),
    rounds,
  };
}

/** The crowd comes, is there for all pairs, and goes. */
async function playRound(scene: Scene, options: IdleOptions): Promise<Round> {
  const { peer, port, proxy, crowd } = scene;
  const open = openConnections(proxy);
  await crowd.ask({ do: 'idle', port, count: options.idle });
  await pause(REST_MS);
  const withIdleMb = proxy.residentMb();
  await crowd.ask({ do: 'slow', port, count: options.slow });
  await pause(REST_MS);
  const withAllMb = proxy.residentMb();
  process.stdout.write(`${peer.padEnd(9)} ${withIdleMb} MB with idle ones, ${withAllMb} MB with all\n`);
  const pairs: Pair[] = [];
  for (let i = 0; i < options.pairs; i++) pairs.push(await playPair(scene, options));
  const { lost } = await crowd.ask({ do: 'idle', port, count: 0 });
  await crowd.ask({ do: 'leave', port, count: 0 });
  await untilGone(proxy, open + options.idle / 10);
  return { pairs, withIdleMb, withAllMb, lost };
}

async function playPair({ peer, port, quietPort, steady }: Scene, { perSecond, seconds }: IdleOptions): Promise<Pair> {
  const [alone, crowd] = await steady.ask({ ports: [quietPort, port], perSecond, seconds });
  if (alone === undefined || crowd === undefined) throw new Error('one report per port was asked for');
  const ms = ({ p50Ms, p99Ms }: SteadyReport) => `p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)} ms`;
  process.stdout.write(`${peer.padEnd(9)} alone ${ms(alone)}; crowd ${ms(crowd)}\n`);
  return { alone, crowd };
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
  const { idle: idleCount, slow, rounds, pairs, seconds, perSecond } = options;
  const bounds = { perIdleKb: MOST_PER_IDLE_KB, ratio: MOST_RATIO };
  writeResult(options.json, { idle: idleCount, slow, rounds, pairs, seconds, perSecond, bounds, rows });
}
