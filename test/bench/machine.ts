// The machine that the figures are from: a figure without it says nothing.

import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  /** Of the last minute; more than ours means that others were at work. */
  readonly load: number;
  readonly text: string;
}

export function describeMachine(): Machine {
  const cpu = cpus()[0]?.model.trim() ?? 'unknown processor';
  const cores = cpus().length;
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const load = Math.round((loadavg()[0] ?? 0) * 100) / 100;
  const text = `${cpu}, ${cores} cores, ${memoryGb} GB, Linux ${release()}, load ${load}`;
  return { cpu, cores, memoryGb, kernel: release(), load, text };
}
