// What follows from the measurements of one thread and of two workers. Pure.

export const WORKERS = 2;

/** How many times the requests of one thread so many workers carry, each with a core for itself. */
export function gainOf(cpuOfOne: number, cpuOfAll: number): number {
  return (WORKERS * cpuOfOne) / cpuOfAll;
}

const ACCEPTED = /\.worker_(\d+)\.downstream_cx_total: (\d+)$/;

/** Connections that each worker accepted, from the admin page `/stats`. Throws where a worker is missing. */
export function byWorker(page: string): readonly number[] {
  const counts = new Array<number>(WORKERS).fill(Number.NaN);
  for (const line of page.split('\n')) {
    const [, worker, count] = ACCEPTED.exec(line) ?? [];
    if (worker !== undefined) counts[Number(worker)] = Number(count);
  }
  if (counts.length !== WORKERS || counts.some(Number.isNaN)) throw new Error(`not one figure per worker: ${page}`);
  return counts;
}

export function largestShare(counts: readonly number[]): number {
  return Math.max(...counts) / counts.reduce((sum, count) => sum + count, 0);
}
