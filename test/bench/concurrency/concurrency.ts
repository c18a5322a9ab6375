// `bench -- concurrency`: what a second worker thread gains. A machine of two cores, on which load and origin need
// one, cannot show two workers at full speed; what a request costs with two workers beside what it costs with one
// can be measured on it, and says how many of them two free cores would carry. Load and origin keep to one core;
// both sidecars may use both.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import type { ConcurrencyOptions } from '../options.ts';
import { bootstrapOf } from '../peers/envoy-bootstrap.ts';
import { startOrigin } from '../peers/origin.ts';
import { buildOurs, sidecarCommand } from '../peers/peers.ts';
import { BOTH_CORES, type Running, start } from '../processes.ts';
import { median } from '../result.ts';
import { writeResult } from '../result-file.ts';
import { answering } from '../scenarios.ts';
import { Stack } from '../stack.ts';
import { type Load, load } from '../wrk.ts';
import { byWorker, gainOf, largestShare, WORKERS } from './gain.ts';

/** Of the requests a second that one worker carries. */
const LEAST_GAIN = 1.7;
const WARMUP_SECONDS = 3;

interface Contestant {
  readonly threads: number;
  readonly port: number;
  readonly admin: string;
  readonly process: Running;
}

interface Measured extends Load {
  readonly cpuMicrosPerRequest: number;
}

interface Round {
  readonly one: Measured;
  readonly two: Measured;
  readonly gain: number;
  /** Connections that each worker accepted in this round. */
  readonly byWorker: readonly number[];
  readonly largestShare: number;
}

export async function concurrency(options: ConcurrencyOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-concurrency-'));
  const stop = new Stack();
  try {
    const originPort = await startOrigin(folder, stop);
    const one = await enter(1, folder, originPort, stop);
    const two = await enter(WORKERS, folder, originPort, stop);
    report(options, await play(one, two, options));
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function enter(threads: number, folder: string, targetPort: number, stop: Stack): Promise<Contestant> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const name = `threads-${threads}`;
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } };
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...bootstrapOf({ name, listenPort: port, targetPort }), admin }));
  const command = sidecarCommand(file, [], ['--concurrency', String(threads)]);
  const process = start(name, folder, BOTH_CORES, command);
  stop.push(process);
  await answering(port, [process]);
  return { threads, port, admin: `127.0.0.1:${adminPort}`, process };
}

async function play(one: Contestant, two: Contestant, options: ConcurrencyOptions): Promise<Round[]> {
  for (const { port } of [one, two]) await load(port, '/', WARMUP_SECONDS, options.connections);
  const rounds: Round[] = [];
  for (let i = 1; i <= options.rounds; i++) {
    const alone = await measure(one, options);
    const before = await accepted(two);
    const both = await measure(two, options);
    const own = (await accepted(two)).map((count, worker) => count - (before[worker] ?? 0));
    const gain = gainOf(alone.cpuMicrosPerRequest, both.cpuMicrosPerRequest);
    const round = { one: alone, two: both, gain, byWorker: own, largestShare: largestShare(own) };
    rounds.push(round);
    const costs = [alone, both].map(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest.toFixed(1)).join(' and ');
    process.stdout.write(`  round ${i}  ${costs} us/request: x ${gain.toFixed(2)}; connections ${own.join(' + ')}\n`);
  }
  return rounds;
}

async function accepted({ admin }: Contestant): Promise<readonly number[]> {
  const { body } = await call(admin, '/stats?filter=worker_.*downstream_cx_total');
  return byWorker(body);
}

async function measure({ port, process }: Contestant, options: ConcurrencyOptions): Promise<Measured> {
  const before = process.cpuMicros();
  const seen = await load(port, '/', options.seconds, options.connections);
  return { ...seen, cpuMicrosPerRequest: (process.cpuMicros() - before) / seen.requests };
}

function report(options: ConcurrencyOptions, all: readonly Round[]): void {
  const of = (pick: (round: Round) => number) => median(all.map(pick));
  const figures = {
    cpuOfOne: of(({ one }) => one.cpuMicrosPerRequest),
    cpuOfTwo: of(({ two }) => two.cpuMicrosPerRequest),
    gain: of(({ gain }) => gain),
    largestShare: of(({ largestShare }) => largestShare),
    errors: all.reduce((sum, { one, two }) => sum + one.errors + two.errors, 0),
  };
  const { cpuOfOne, cpuOfTwo, gain } = figures;
  process.stdout.write(
    `${cpuOfOne.toFixed(1)} us/request with one thread, ${cpuOfTwo.toFixed(1)} with ${WORKERS} workers: on ${WORKERS} free cores x ${gain.toFixed(2)}; the larger share of connections ${(figures.largestShare * 100).toFixed(0)} %; ${figures.errors} errors\n`,
  );
  if (gain < LEAST_GAIN || figures.errors > 0) {
    process.stdout.write(`BROKEN: at least x ${LEAST_GAIN}, and no errors\n`);
    process.exitCode = 1;
  }
  const { rounds, seconds, connections } = options;
  writeResult(options.json, { rounds, seconds, connections, bound: LEAST_GAIN, ...figures, all });
}
