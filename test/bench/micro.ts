// What the hot functions cost, in ns: each warmed up, then timed in samples; the median counts.

import { MICRO_BENCHES } from './micro/benches.ts';
import { median } from './result.ts';

export interface MicroBench {
  readonly name: string;
  /** Prepares, and gives what is timed. Its result is looked at, so that the compiler cannot leave it out. */
  readonly make: () => () => unknown;
}

const SAMPLES = 11;
const SAMPLE_MS = 40;
const WARMUP_MS = 150;

export function micro(only: string): void {
  const chosen = MICRO_BENCHES.filter(({ name }) => name.includes(only));
  if (chosen.length === 0)
    throw new Error(
      `no micro bench is called "${only}"; there are ${MICRO_BENCHES.map(({ name }) => name).join(', ')}`,
    );
  const width = Math.max(...chosen.map(({ name }) => name.length));
  for (const { name, make } of chosen) {
    process.stdout.write(`${name.padEnd(width)}  ${nanoseconds(make()).toFixed(0).padStart(7)} ns\n`);
  }
}

let seen: unknown;

function nanoseconds(run: () => unknown): number {
  const times = Math.max(1, Math.floor((timesWithin(run, WARMUP_MS) * SAMPLE_MS) / WARMUP_MS));
  const samples = Array.from({ length: SAMPLES }, () => {
    const before = performance.now();
    for (let i = 0; i < times; i++) seen = run();
    return ((performance.now() - before) * 1e6) / times;
  });
  if (seen === samples) throw new Error('unreachable, but the compiler does not know');
  return median(samples);
}

function timesWithin(run: () => unknown, ms: number): number {
  const end = performance.now() + ms;
  let times = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 100; i++) seen = run();
    times += 100;
  }
  return times;
}
