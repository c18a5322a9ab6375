// `bench -- streams`: what an idle gRPC call weighs. Ten thousand server streams, each of which has had its first
// message, open through one proxy; then they are given up, and come again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeCertificates } from '../certificates.ts';
import type { StreamsOptions } from '../options.ts';
import { buildOurs, http1Peers, type Peer } from '../peers/peers.ts';
import { OTHER_CORE, type Running } from '../processes.ts';
import { writeResult } from '../result-file.ts';
import { enter } from '../scenarios.ts';
import { type Script, startScript } from '../script.ts';
import { Stack } from '../stack.ts';
import type { CallerOrder, CallerReport } from './caller.ts';
import type { OriginOrder, OriginReport } from '../http2-origin.ts';

const PEERS = ['fairlead', 'envoy'];
const WARMUP_CALLS = 100;
const REST_MS = 3000;
const GONE_WITHIN_MS = 20_000;

interface Round {
  readonly openMb: number;
  readonly afterMb: number;
  readonly lost: number;
}

interface Row {
  readonly peer: string;
  readonly aloneMb: number;
  readonly perCallKb: number;
  readonly rounds: readonly Round[];
}

interface Scene {
  readonly peer: string;
  readonly port: number;
  readonly proxy: Running;
  readonly caller: Script<CallerOrder, CallerReport>;
  readonly origin: Script<OriginOrder, OriginReport>;
}

export async function streams(options: StreamsOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-streams-'));
  const stop = new Stack();
  try {
    const rows: Row[] = [];
    for (const peer of http1Peers().filter(({ name, version }) => PEERS.includes(name) && version !== null))
      rows.push(await measurePeer(peer, folder, options, stop));
    report(options, rows);
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measurePeer(peer: Peer, folder: string, options: StreamsOptions, stop: Stack): Promise<Row> {
  const origin = startScript<OriginOrder, OriginReport>('streams/origin.ts', OTHER_CORE);
  const caller = startScript<CallerOrder, CallerReport>('streams/caller.ts', OTHER_CORE);
  stop.push(origin, caller);
  const { port: originPort } = await origin.ask({ do: 'listen' });
  const entered = await enter('grpc', peer, folder, originPort, await makeCertificates(folder), { timeout: '0s' });
  stop.push(...entered.processes);
  const proxy = entered.processes[0] as Running;
  const row = await play({ peer: peer.name, port: entered.port, proxy, caller, origin }, options);
  await Promise.all([...entered.processes, caller, origin].map((one) => one.stop()));
  return row;
}

async function play(scene: Scene, { calls, rounds }: StreamsOptions): Promise<Row> {
  const { peer, proxy } = scene;
  await playRound(scene, WARMUP_CALLS);
  const aloneMb = proxy.residentMb();
  const played: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    const round = await playRound(scene, calls);
    played.push(round);
    process.stdout.write(`${peer.padEnd(9)} ${round.openMb} MB with ${calls} calls, ${round.afterMb} MB after\n`);
  }
  const most = Math.max(...played.map(({ openMb }) => openMb));
  return { peer, aloneMb, perCallKb: ((most - aloneMb) * 1024) / calls, rounds: played };
}

async function playRound({ port, proxy, caller, origin }: Scene, calls: number): Promise<Round> {
  await caller.ask({ port, calls });
  await pause(REST_MS);
  const { lost } = await caller.ask({ port, calls });
  const { open } = await origin.ask({ do: 'count' });
  if (open !== calls) throw new Error(`${open} calls are open at the origin, not ${calls}`);
  const openMb = proxy.residentMb();
  await caller.ask({ port, calls: 0 });
  await untilGone(origin);
  await pause(REST_MS);
  return { openMb, afterMb: proxy.residentMb(), lost };
}

/** Calls that were given up must end at the origin too. */
async function untilGone(origin: Script<OriginOrder, OriginReport>): Promise<void> {
  const end = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const { open } = await origin.ask({ do: 'count' });
    if (open === 0) return;
    if (performance.now() > end) throw new Error(`${open} calls are open at the origin after their callers left`);
    await pause(100);
  }
}

function report({ calls, rounds, json }: StreamsOptions, rows: readonly Row[]): void {
  for (const { peer, aloneMb, perCallKb, rounds: played } of rows) {
    const lost = played.reduce((sum, round) => sum + round.lost, 0);
    process.stdout.write(
      `${peer.padEnd(9)} ${aloneMb} MB without, ${perCallKb.toFixed(1)} KB for each of ${calls} idle calls, ${lost} lost\n`,
    );
    if (lost > 0) process.exitCode = 1;
  }
  writeResult(json, { calls, rounds, rows });
}
