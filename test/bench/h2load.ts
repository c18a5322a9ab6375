// One measurement over HTTP/2: h2load for some seconds, and what it says.

import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GRPC_MESSAGE } from './peers/nghttpd.ts';
import { OTHER_CORE, pinned } from './processes.ts';
import { readLog } from './rate/h2load.ts';
import type { Load } from './wrk.ts';

/** As design targets have it: few connections, many streams on each. */
const CONNECTIONS = 8;
const STREAMS = 16;
/** Beyond the time asked for, h2load is ended. */
const GRACE_MS = 10_000;

/** `grpc`: calls with a message, instead of GET. */
export async function loadHttp2(
  folder: string,
  port: number,
  path: string,
  seconds: number,
  grpc: boolean,
): Promise<Load> {
  const log = join(folder, 'http2.log');
  rmSync(log, { force: true });
  const message = join(folder, 'message');
  writeFileSync(message, GRPC_MESSAGE);
  const call = ['-d', message, '-H', 'content-type: application/grpc', '-H', 'te: trailers'];
  const shape = [`-c${CONNECTIONS}`, `-m${STREAMS}`, '-t1', `-D${seconds}`];
  const command = ['h2load', ...shape, ...(grpc ? call : []), `--log-file=${log}`, `http://127.0.0.1:${port}${path}`];
  const text = await output(pinned(OTHER_CORE, command), seconds * 1000 + GRACE_MS);
  const { p50Ms, p99Ms } = readLog(readFileSync(log, 'latin1'), 0, Number.POSITIVE_INFINITY).asSent;
  rmSync(log);
  return { ...readH2load(text), p50Ms, p99Ms };
}

function output([program = '', ...args]: readonly string[], limitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: limitMs });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

/** Throws where the text is not h2load's, or nothing came. */
export function readH2load(text: string): Omit<Load, 'p50Ms' | 'p99Ms'> {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) succeeded/);
  if (requests === 0) throw new Error(`h2load got no answer: ${text.trim()}`);
  return {
    requests,
    bytes: number(/traffic: .*?\((\d+)\) total/),
    requestsPerSecond: number(/finished in [^,]+, ([\d.]+) req\/s/),
    errors: number(/(\d+) failed/) + number(/(\d+) errored/),
  };
}
