// Processes of the bench: each pinned to a core, its processor time and memory read from /proc, and ended
// by its own id. CPU time is what counts: it says what a request costs even where other work disturbs.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The proxy has a core for itself; who drives it and who answers share the other one. */
export const PROXY_CORE = 0;
export const OTHER_CORE = 1;
/** What has several threads may use both. */
export const BOTH_CORES = [PROXY_CORE, OTHER_CORE];

export type Cores = number | readonly number[];

const STOP_MS = 3000;
/** Fields of /proc/PID/stat after the name, counted from 0 (proc(5)): utime and stime. */
const UTIME = 11;
const STIME = 12;

export const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0 && coreCount() > 1;

function coreCount(): number {
  return Number(spawnSync('nproc', { encoding: 'utf8' }).stdout?.trim() ?? 1);
}

const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout?.trim() || 100);

/** A command line that runs on these cores, where that can be had. */
export function pinned(cores: Cores, command: readonly string[]): readonly string[] {
  return canPin ? ['taskset', '-c', [cores].flat().join(','), ...command] : command;
}

export interface Running {
  readonly name: string;
  readonly pid: number;
  /** User and system time of all its threads so far, in microseconds. */
  cpuMicros(): number;
  residentMb(): number;
  /** Its last words, where it ended by itself. */
  readonly ended: () => string | null;
  stop(): Promise<void>;
}

export function start(name: string, folder: string, cores: Cores, command: readonly string[]): Running {
  const log = join(folder, `${name}.log`);
  const file = openSync(log, 'w');
  const [program = '', ...args] = pinned(cores, command);
  const child = spawn(program, args, { stdio: ['ignore', file, file] });
  let failure: string | null = null;
  child.on('error', (error) => {
    failure = error.message;
  });
  const ended = () => failure ?? (child.exitCode === null ? null : lastWords(log, child.exitCode));
  const pid = child.pid ?? 0;
  return {
    name,
    pid,
    ended,
    cpuMicros: () => cpuMicros(pid),
    residentMb: () => residentMb(pid),
    stop: () => stop(child),
  };
}

function lastWords(log: string, code: number): string {
  return `ended with ${code}: ${readFileSync(log, 'utf8').slice(-600).trim()}`;
}

function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[UTIME]) + Number(fields[STIME])) * 1e6) / ticksPerSecond;
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb ?? 0) / 102.4) / 10;
}

function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
