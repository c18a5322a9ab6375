// One measurement: wrk for some seconds, and what it says.

import { spawn } from 'node:child_process';
import { OTHER_CORE, pinned } from './processes.ts';

export interface Load {
  readonly requests: number;
  /** Of answers, whole or not, as wrk rounds them. */
  readonly bytes: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx and 3xx, and socket errors. */
  readonly errors: number;
}

/** Beyond the time asked for, wrk is ended. */
const GRACE_MS = 10_000;

export async function load(port: number, path: string, seconds: number, connections: number): Promise<Load> {
  const url = `http://127.0.0.1:${port}${path}`;
  const command = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '5s', url];
  return readWrk(await output(pinned(OTHER_CORE, command), seconds * 1000 + GRACE_MS));
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

/** Throws where the text is not wrk's. */
export function readWrk(text: string): Load {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  if (requests === 0) throw new Error(`wrk made no requests: ${text.trim()}`);
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests,
    bytes: bytesRead(text),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(text, '50%'),
    p99Ms: milliseconds(text, '99%'),
    errors: number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors.reduce((sum, one) => sum + Number(one), 0),
  };
}

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

function bytesRead(text: string): number {
  const [, value = '0', unit = 'B'] = /requests in [^,]+, ([\d.]+)([KMG]?B) read/.exec(text) ?? [];
  return Number(value) * (UNIT_BYTES[unit] ?? 1);
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function milliseconds(text: string, percent: string): number {
  const [, value = '0', unit = 'ms'] = new RegExp(`${percent}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
  return Math.round(Number(value) * (UNIT_MS[unit] ?? 1) * 100) / 100;
}
