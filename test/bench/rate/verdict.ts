// The rows of a bench at a fixed rate: the table, and what is wrong with them. Pure.

import type { Percentiles } from './h2load.ts';

export interface RateRow extends Percentiles {
  readonly peer: string;
  /** Medians of the rounds. */
  readonly perSecond: number;
  readonly cpuMicrosPerRequest: number;
  /** From when each was really sent. */
  readonly sentP99Ms: number;
  /** Of all rounds. */
  readonly errors: number;
  readonly rounds: readonly unknown[];
}

/** Of the rate that was asked for; a peer below it is not measured at that rate. */
const LEAST_SHARE = 0.98;

/** One sentence for each bound that does not hold. */
export function judge(rows: readonly RateRow[], perSecond: number): readonly string[] {
  const faults: string[] = [];
  const [ours, envoys] = ['fairlead', 'envoy'].map((peer) => rows.find((row) => row.peer === peer));
  if (ours === undefined) return faults;
  if (ours.errors > 0) faults.push(`${ours.errors} requests through us failed`);
  if (ours.perSecond < perSecond * LEAST_SHARE)
    faults.push(`we carry ${Math.round(ours.perSecond)} requests/s of ${perSecond}`);
  if (envoys !== undefined && ours.p99Ms > envoys.p99Ms)
    faults.push(`our p99 of ${ours.p99Ms.toFixed(2)} ms is above Envoy's ${envoys.p99Ms.toFixed(2)}`);
  return faults;
}

const HEADS = ['peer', 'requests/s', 'CPU us/request', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99 as sent', 'errors'];

/** A Markdown table. */
export function rateTable(rows: readonly RateRow[]): string {
  const cells = rows.map((row) => [
    row.peer,
    String(Math.round(row.perSecond)),
    row.cpuMicrosPerRequest.toFixed(1),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.p999Ms.toFixed(2),
    row.sentP99Ms.toFixed(2),
    String(row.errors),
  ]);
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |\n`;
  const rule = HEADS.map((_, i) => (i === 0 ? '---' : '---:'));
  return line(HEADS) + line(rule) + cells.map(line).join('');
}
