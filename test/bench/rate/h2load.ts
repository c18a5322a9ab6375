// One measurement at a fixed rate: h2load with its log of every request, and what the log says.
//
// h2load looks every 10 ms what is due on each connection, and sends it when the connection is free: a request
// that a slow answer keeps from being sent is timed from when it was sent, and a stall counts once for each
// connection, however many were due meanwhile. Those that had to wait are put back (`whoWaited`): for an answer
// that took longer than the time between two requests of its connection, one more for each that was due.

import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OTHER_CORE, pinned } from '../processes.ts';

export interface Rate {
  readonly port: number;
  /** Over all connections. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

/** Milliseconds. */
export interface Percentiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The percentiles count those who waited. */
export interface RateSeen extends Percentiles {
  readonly requests: number;
  /** As it came about. */
  readonly perSecond: number;
  /** Answers other than 2xx and 3xx, and none. */
  readonly errors: number;
  /** From when each was really sent. */
  readonly asSent: Percentiles;
}

/** Beyond the time asked for, h2load is ended. */
const GRACE_MS = 10_000;

/** The log is made in the folder, and removed. */
export async function loadAtRate(folder: string, rate: Rate): Promise<RateSeen> {
  const { port, perSecond, seconds, connections } = rate;
  const log = join(folder, 'h2load.log');
  // h2load adds to a log that is there.
  rmSync(log, { force: true });
  const asked = perSecond * seconds;
  const load = ['--h1', `-c${connections}`, '-t1', `-n${asked}`, `--rps=${perSecond / connections}`];
  const command = ['h2load', ...load, `--log-file=${log}`, `http://127.0.0.1:${port}/`];
  await run(pinned(OTHER_CORE, command), seconds * 1000 + GRACE_MS);
  const text = readFileSync(log, 'latin1');
  rmSync(log);
  return readLog(text, asked, (connections * 1000) / perSecond);
}

function run([program = '', ...args]: readonly string[], limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: limitMs });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`h2load ended with ${code ?? signal}: ${text.trim()}`));
    });
  });
}

/** Start in microseconds since 1970, status or -1, microseconds until the end of the answer. */
const LINE = /^(\d+)\t(-?\d+)\t(\d+)$/;

/** `intervalMs`: between two requests of one connection. Throws where the text is not h2load's. */
export function readLog(text: string, asked: number, intervalMs: number): RateSeen {
  const times: number[] = [];
  let errors = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, start, status, micros] = LINE.exec(line) ?? [];
    if (start === undefined) throw new Error(`no line of h2load's log: ${line}`);
    first = Math.min(first, Number(start));
    last = Math.max(last, Number(start));
    if (Number(status) < 200 || Number(status) >= 400) errors++;
    else times.push(Number(micros) / 1000);
  }
  if (times.length === 0) throw new Error('no request was answered');
  const requests = times.length + errors;
  return {
    requests,
    perSecond: last > first ? ((requests - 1) * 1e6) / (last - first) : 0,
    errors: errors + Math.max(asked - requests, 0),
    ...percentiles([...times, ...whoWaited(times, intervalMs)]),
    asSent: percentiles(times),
  };
}

/** Times of requests that were due while the answer before them was awaited, counted until that answer. */
export function whoWaited(times: readonly number[], intervalMs: number): number[] {
  const waited: number[] = [];
  for (const time of times) for (let left = time - intervalMs; left > 0; left -= intervalMs) waited.push(left);
  return waited;
}

function percentiles(times: readonly number[]): Percentiles {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
