// How a metric is declared: one row per number field of a cell, checked by the compiler to be complete.
// Rows are read when somebody asks for statistics, never in the hot path.

import type { Codes } from './codes.ts';
import type { Histogram } from './histogram.ts';

export type MetricKind = 'counter' | 'gauge';

export interface Declared {
  readonly kind: MetricKind;
  readonly help: string;
}

type KeysOf<C, T> = { [K in keyof C]: C[K] extends T ? (T extends C[K] ? K : never) : never }[keyof C] & string;

/** A row for each number field of the cell, under the field's name, which is Envoy's. */
export type Table<C> = Readonly<Record<KeysOf<C, number>, Declared>>;

/** One line of /stats of every scope of a kind. */
export interface Row<C> {
  /** The name behind the scope's prefix, e.g. `upstream_rq_2xx`. */
  readonly name: string;
  /** The name in Prometheus behind the scope's family, e.g. `upstream_rq_xx`. */
  readonly family: string;
  /** What the name says beyond the family, e.g. `envoy_response_code_class="2"`; '' for nothing. */
  readonly label: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** null: this scope has no such metric. */
  read(cell: C): number | null;
}

export interface HistogramRow<C> {
  readonly name: string;
  readonly help: string;
  read(cell: C): Histogram | null;
}

/** Counters that exist from the first answer with their status on: what they are summed from. */
export interface CodesRow<C> {
  readonly prefix: string;
  read(cell: C): readonly Codes[];
}

/** Everything that is counted in one kind of scope. */
export interface ScopeKind<C> {
  /** What Prometheus names begin with. */
  readonly family: string;
  readonly rows: readonly Row<C>[];
  readonly codes: readonly CodesRow<C>[];
  readonly histograms: readonly HistogramRow<C>[];
}

export function counter(help: string): Declared {
  return { kind: 'counter', help };
}

export function gauge(help: string): Declared {
  return { kind: 'gauge', help };
}

/** Rows for the fields of a cell, or of a part of it: `part` finds it, `prefix` stands before its names. */
export function rowsOf<C, P>(table: Table<P>, part: (cell: C) => P | null, prefix = ''): Row<C>[] {
  return Object.entries<Declared>(table).map(([field, { kind, help }]) => ({
    name: prefix + field,
    family: familyName(prefix + field),
    label: '',
    kind,
    help,
    read(cell) {
      const found = part(cell) as Record<string, number> | null;
      return found === null ? null : (found[field] as number);
    },
  }));
}

/** Rows that Envoy has and dashboards ask for, of things that cannot happen here: 0, where `shown`. */
export function zeros<C>(
  kind: MetricKind,
  names: readonly string[],
  shown: (cell: C) => boolean = () => true,
): Row<C>[] {
  return names.map((name) => computed<C>(kind, name, 'Always 0 here', (cell) => (shown(cell) ? 0 : null)));
}

/** A metric that is computed when read. */
export function computed<C>(kind: MetricKind, name: string, help: string, read: (cell: C) => number | null): Row<C> {
  return { name, family: familyName(name), label: '', kind, help, read };
}

/** `downstream_rq_1xx` to `5xx`: one family in Prometheus, told apart by label. */
export function classRows<C>(stem: string, help: string, read: (cell: C, hundreds: number) => number | null): Row<C>[] {
  return [1, 2, 3, 4, 5].map((hundreds) => ({
    name: `${stem}_${hundreds}xx`,
    family: `${stem}_xx`,
    label: `envoy_response_code_class="${hundreds}"`,
    kind: 'counter',
    help,
    read: (cell) => read(cell, hundreds),
  }));
}

/** Sets every number field back to 0, gauges excepted. */
export function clearCounters<P>(table: Table<P>, cell: P): void {
  const fields = cell as Record<string, number>;
  for (const [field, { kind }] of Object.entries<Declared>(table)) if (kind === 'counter') fields[field] = 0;
}

export function familyName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_');
}
