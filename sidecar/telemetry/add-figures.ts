// Two figures of the same thing in two threads, as one: counters and gauges add up, histograms and answers
// by status are merged. What every thread sees as a whole is not added: of these the larger one holds.

import type { LimitGauges } from './cells/cluster.ts';
import type { CellFigures, CodesFigure, Figure, GaugesFigure, HistogramFigure, ScopeFigures } from './figures.ts';

/** Fields, by family, that say the same in every thread. `*`: all of the family. */
const SAME_IN_ALL: Readonly<Record<string, readonly string[]>> = {
  envoy_cluster_manager_: ['*'],
  envoy_listener_manager_: [
    'listener_added',
    'listener_modified',
    'listener_removed',
    'listener_stopped',
    'listener_in_place_updated',
    'total_listeners_active',
    'total_listeners_draining',
    'total_listeners_warming',
    'workers_started',
  ],
  envoy_overload_: ['buffered_bytes_limit'],
  // Each thread ejects by itself; a host that two left out is one host.
  envoy_cluster_: ['membership_change', 'warming_state', 'outlier_detection.ejections_active'],
};

const NO_FIELDS: readonly string[] = [];

/** The same scope in two threads. */
export function addScopes(a: ScopeFigures, b: ScopeFigures): ScopeFigures {
  const same = SAME_IN_ALL[a.family] ?? NO_FIELDS;
  return { ...a, cell: add(a.cell, b.cell, '', (field) => same.includes(field) || same.includes('*')) };
}

type IsSame = (field: string) => boolean;

function add(a: Figure, b: Figure, field: string, isSame: IsSame): Figure {
  if (a === null) return b;
  if (b === null) return a;
  if (typeof a === 'number') return isSame(field) ? Math.max(a, b as number) : a + (b as number);
  switch (a.kind) {
    case 'histogram':
      return addHistograms(a, b as HistogramFigure);
    case 'codes':
      return { kind: 'codes', counts: addPairs(a.counts, (b as CodesFigure).counts) };
    case 'gauges':
      return addGauges(a, b as GaugesFigure);
    case 'cell':
      return addCells(a, b as CellFigures, field, isSame);
  }
}

function addCells(a: CellFigures, b: CellFigures, path: string, isSame: IsSame): CellFigures {
  const fields = Object.entries(a.fields).map(([name, value]) => {
    const field = path === '' ? name : `${path}.${name}`;
    return [name, add(value, b.fields[name] ?? null, field, isSame)] as const;
  });
  return { kind: 'cell', fields: Object.fromEntries(fields) };
}

function addHistograms(a: HistogramFigure, b: HistogramFigure): HistogramFigure {
  return { kind: 'histogram', bins: addPairs(a.bins, b.bins), sum: a.sum + b.sum };
}

function addPairs(a: readonly number[], b: readonly number[]): number[] {
  const sums = new Map<number, number>();
  for (const pairs of [a, b]) {
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i] as number;
      sums.set(key, (sums.get(key) ?? 0) + (pairs[i + 1] as number));
    }
  }
  return [...sums].sort(([one], [other]) => one - other).flat();
}

/** Hosts are the same everywhere, in good health where every thread says so; limits are counted together. */
function addGauges(a: GaugesFigure, b: GaugesFigure): GaugesFigure {
  return {
    kind: 'gauges',
    membership: {
      total: Math.max(a.membership.total, b.membership.total),
      healthy: Math.min(a.membership.healthy, b.membership.healthy),
      degraded: Math.max(a.membership.degraded, b.membership.degraded),
      excluded: Math.max(a.membership.excluded, b.membership.excluded),
    },
    default: addLimits(a.default, b.default),
    high: addLimits(a.high, b.high),
  };
}

function addLimits(a: LimitGauges, b: LimitGauges): LimitGauges {
  return {
    cxOpen: a.cxOpen || b.cxOpen,
    pendingOpen: a.pendingOpen || b.pendingOpen,
    rqOpen: a.rqOpen || b.rqOpen,
    retryOpen: a.retryOpen || b.retryOpen,
    remaining:
      a.remaining === null || b.remaining === null ? (a.remaining ?? b.remaining) : least(a.remaining, b.remaining),
  };
}

type Remaining = NonNullable<LimitGauges['remaining']>;

function least(a: Remaining, b: Remaining): Remaining {
  return {
    cx: Math.min(a.cx, b.cx),
    pending: Math.min(a.pending, b.pending),
    rq: Math.min(a.rq, b.rq),
    retries: Math.min(a.retries, b.retries),
  };
}

/** What stays of a thread that ended: what it counted, nothing of what it had under way. */
export function withoutGauges(scope: ScopeFigures, gauges: ReadonlySet<string>): ScopeFigures {
  return { ...scope, cell: countedOnly(scope.cell, '', gauges) };
}

function countedOnly(figure: Figure, path: string, gauges: ReadonlySet<string>): Figure {
  if (typeof figure === 'number') return gauges.has(path) ? 0 : figure;
  if (figure === null || figure.kind === 'gauges') return null;
  if (figure.kind !== 'cell') return figure;
  const fields = Object.entries(figure.fields).map(
    ([name, value]) => [name, countedOnly(value, path === '' ? name : `${path}.${name}`, gauges)] as const,
  );
  return { kind: 'cell', fields: Object.fromEntries(fields) };
}
