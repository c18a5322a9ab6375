// The figures of one thread as plain data that another one can be sent: every cell field by field. What is
// looked up when somebody asks (hosts, limits) is looked up now.

import type { ClusterGauges, LimitGauges } from './cells/cluster.ts';
import { Codes } from './cells/codes.ts';
import { Histogram } from './cells/histogram.ts';
import type { StatGroups } from './stats.ts';

/** One scope: which group it is in, what its metrics are called, and its cell. */
export interface ScopeFigures {
  readonly family: string;
  readonly prefix: string;
  readonly labels: string;
  readonly cell: Figure;
}

export type Figure = number | null | HistogramFigure | CodesFigure | GaugesFigure | CellFigures;

/** Bins as pairs of index and count. */
export interface HistogramFigure {
  readonly kind: 'histogram';
  readonly bins: readonly number[];
  readonly sum: number;
}

/** Pairs of status and count. */
export interface CodesFigure {
  readonly kind: 'codes';
  readonly counts: readonly number[];
}

export interface GaugesFigure {
  readonly kind: 'gauges';
  readonly membership: ReturnType<ClusterGauges['membership']>;
  readonly default: LimitGauges;
  readonly high: LimitGauges;
}

export interface CellFigures {
  readonly kind: 'cell';
  readonly fields: Readonly<Record<string, Figure>>;
}

/** Lazily: whoever sends them may take breath in between. */
export function* figuresOf(stats: StatGroups): Generator<ScopeFigures> {
  for (const { kind, scopes } of stats.groups()) {
    for (const { prefix, labels, cell } of scopes.values())
      yield { family: kind.family, prefix, labels, cell: figureOf(cell) };
  }
}

export function figureOf(value: unknown): Figure {
  if (typeof value === 'number' || value === null) return value;
  if (value instanceof Histogram) return { kind: 'histogram', bins: value.filled(), sum: value.sum };
  if (value instanceof Codes) return { kind: 'codes', counts: [...value.seen()].flatMap((s) => [s, value.count(s)]) };
  if (isGauges(value)) {
    return {
      kind: 'gauges',
      membership: value.membership(),
      default: value.limits('default'),
      high: value.limits('high'),
    };
  }
  return { kind: 'cell', fields: fieldsOf(value as Readonly<Record<string, unknown>>) };
}

/** A mesh has thousands of cells of some eighty fields, and this runs beside the traffic: no lists in between. */
function fieldsOf(cell: Readonly<Record<string, unknown>>): Record<string, Figure> {
  const fields: Record<string, Figure> = {};
  for (const field of Object.keys(cell)) {
    const value = cell[field];
    fields[field] = typeof value === 'number' ? value : figureOf(value);
  }
  return fields;
}

function isGauges(value: unknown): value is ClusterGauges {
  return typeof (value as ClusterGauges).membership === 'function';
}
