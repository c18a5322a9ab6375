// From rounds to a row, from rows to a table with ratios. Pure.

import type { Load } from './wrk.ts';

export interface Measured extends Load {
  readonly cpuMicrosPerRequest: number;
}

export interface Summary {
  /** Medians of the rounds. */
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all rounds. */
  readonly errors: number;
}

export interface Row extends Summary {
  readonly scenario: string;
  readonly peer: string;
  /** Resident memory of all its processes, before and after the load. */
  readonly idleMb: number;
  readonly loadedMb: number;
  readonly rounds: readonly Measured[];
}

export function summarise(rounds: readonly Measured[]): Summary {
  const of = (key: keyof Measured) => median(rounds.map((round) => round[key]));
  return {
    cpuMicrosPerRequest: of('cpuMicrosPerRequest'),
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const HEADS = [
  'peer',
  'CPU us/request',
  'x nginx',
  'x Envoy',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'MB idle',
  'MB loaded',
  'errors',
];

/** A Markdown table. Ratios are of CPU time per request. */
export function table(rows: readonly Row[]): string {
  const cpuOf = (peer: string) => rows.find((row) => row.peer === peer)?.cpuMicrosPerRequest;
  const ratio = (row: Row, peer: string) => {
    const base = cpuOf(peer);
    return base === undefined ? 'missing' : (row.cpuMicrosPerRequest / base).toFixed(2);
  };
  const cells = rows.map((row) => [
    row.peer,
    row.cpuMicrosPerRequest.toFixed(1),
    ratio(row, 'nginx'),
    ratio(row, 'envoy'),
    String(Math.round(row.requestsPerSecond)),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.idleMb.toFixed(0),
    row.loadedMb.toFixed(0),
    String(row.errors),
  ]);
  const widths = HEADS.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(' | ')} |\n`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return line(HEADS) + line(rule) + cells.map(line).join('');
}
