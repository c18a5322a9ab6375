// Memory and handles of a process over time, and whether they are flat.

import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Sample {
  readonly seconds: number;
  readonly mb: number;
  readonly handles: number;
}

export interface Verdict {
  readonly name: string;
  readonly mb: number;
  /** Of a line through the samples after the first quarter. */
  readonly mbPerHour: number;
  /** What that line rises within the time it was fitted over. */
  readonly growthMb: number;
  readonly handles: number;
  /** Mean of the last quarter over that of the second. */
  readonly moreHandles: number;
}

export class Watched {
  readonly name: string;
  readonly samples: Sample[] = [];
  readonly #pid: number;

  constructor(name: string, pid: number) {
    this.name = name;
    this.#pid = pid;
  }

  /** Throws where the process is gone. */
  look(seconds: number): void {
    const folder = `/proc/${this.#pid}`;
    const kb = existsSync(folder)
      ? /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1]
      : undefined;
    if (kb === undefined) throw new Error(`${this.name} has ended after ${seconds.toFixed(0)} s`);
    this.samples.push({ seconds, mb: Number(kb) / 1024, handles: readdirSync(`${folder}/fd`).length });
  }

  verdict(): Verdict {
    const { samples } = this;
    const quarter = Math.ceil(samples.length / 4);
    const later = samples.slice(quarter);
    const perSecond = slope(later.map(({ seconds, mb }) => [seconds, mb]));
    const span = (later.at(-1)?.seconds ?? 0) - (later[0]?.seconds ?? 0);
    const handlesOf = (part: readonly Sample[]) => mean(part.map(({ handles }) => handles));
    return {
      name: this.name,
      mb: samples.at(-1)?.mb ?? 0,
      mbPerHour: perSecond * 3600,
      growthMb: perSecond * span,
      handles: samples.at(-1)?.handles ?? 0,
      moreHandles: handlesOf(samples.slice(-quarter)) - handlesOf(samples.slice(quarter, 2 * quarter)),
    };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Least squares. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const x = mean(points.map(([value]) => value));
  const y = mean(points.map(([, value]) => value));
  const spread = points.reduce((sum, [value]) => sum + (value - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0) / spread;
}
