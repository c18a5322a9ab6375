// `bench -- windows`: a hundred streams on one connection, each with a body of 1 GiB, and nobody who reads. What the
// proxy takes ahead of its readers may be two windows of each stream.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeCertificates } from '../certificates.ts';
import { peakOf } from '../memory.ts';
import type { WindowsOptions } from '../options.ts';
import { buildOurs, http1Peers } from '../peers/peers.ts';
import { OTHER_CORE, type Running } from '../processes.ts';
import { writeResult } from '../result-file.ts';
import { enter } from '../scenarios.ts';
import { type Script, startScript } from '../script.ts';
import { Stack } from '../stack.ts';
import type { CallerOrder, CallerReport } from './caller.ts';
import type { OriginOrder, OriginReport } from '../http2-origin.ts';

const GIB = 1024 ** 3;
/** Of a stream of ours (docs/limits.md), in MB. */
const WINDOW_MB = 0.25;
const WINDOWS_PER_STREAM = 2;
const WARMUP_STREAMS = 10;
/** Nothing has moved for so long: everybody waits. */
const STILL_MS = 3000;
const STILL_WITHIN_MS = 60_000;

type Way = 'download' | 'upload';
const WAYS: readonly Way[] = ['download', 'upload'];

interface Row {
  readonly way: Way;
  readonly beforeMb: number;
  readonly growthMb: number;
  readonly lost: number;
}

interface Scene {
  readonly port: number;
  readonly proxy: Running;
  readonly caller: Script<CallerOrder, CallerReport>;
  readonly origin: Script<OriginOrder, OriginReport>;
}

export async function windows(options: WindowsOptions): Promise<void> {
  const ours = http1Peers().find(({ name }) => name === 'fairlead');
  if (ours === undefined) throw new Error('there is no peer "fairlead"');
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-windows-'));
  const stop = new Stack();
  try {
    const origin = startScript<OriginOrder, OriginReport>('windows/origin.ts', OTHER_CORE);
    const caller = startScript<CallerOrder, CallerReport>('windows/caller.ts', OTHER_CORE);
    stop.push(origin, caller);
    const { port: originPort } = await origin.ask({ do: 'listen' });
    const entered = await enter('http2', ours, folder, originPort, await makeCertificates(folder), { timeout: '0s' });
    stop.push(...entered.processes);
    const scene = { port: entered.port, proxy: entered.processes[0] as Running, caller, origin };
    for (const way of WAYS) await measure(way, scene, WARMUP_STREAMS);
    const rows: Row[] = [];
    for (const way of WAYS) rows.push(await measure(way, scene, options.streams));
    report(options, rows);
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(way: Way, { port, proxy, caller, origin }: Scene, streams: number): Promise<Row> {
  const beforeMb = proxy.residentMb();
  const peak = peakOf(proxy);
  await caller.ask({ do: way, port, streams, bytes: GIB });
  const { lost } = await untilStill(caller, port);
  const { open } = await origin.ask({ do: 'count' });
  if (open !== streams) throw new Error(`${open} streams are open at the origin, not ${streams}`);
  const row = { way, beforeMb, growthMb: peak.stop() - beforeMb, lost };
  await caller.ask({ do: 'leave', port, streams, bytes: 0 });
  await pause(STILL_MS);
  return row;
}

async function untilStill(caller: Script<CallerOrder, CallerReport>, port: number): Promise<CallerReport> {
  const end = performance.now() + STILL_WITHIN_MS;
  let before = -1;
  for (;;) {
    const report = await caller.ask({ do: 'count', port, streams: 0, bytes: 0 });
    if (report.moved === before && report.moved > 0) return report;
    if (performance.now() > end) throw new Error(`bytes still move: ${before}, then ${report.moved}`);
    before = report.moved;
    await pause(STILL_MS);
  }
}

function report({ streams, json }: WindowsOptions, rows: readonly Row[]): void {
  const boundMb = WINDOWS_PER_STREAM * WINDOW_MB * streams;
  for (const { way, beforeMb, growthMb, lost } of rows) {
    const words = `${beforeMb} MB before, +${growthMb.toFixed(1)} MB with ${streams} streams that nobody reads`;
    process.stdout.write(`${way.padEnd(9)} ${words}; bound ${boundMb} MB, ${lost} lost\n`);
    if (growthMb > boundMb || lost > 0) process.exitCode = 1;
  }
  writeResult(json, { streams, boundMb, rows });
}
