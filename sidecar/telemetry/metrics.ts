// Walks the registry: every figure as one record with its names. By scope for /stats, whose order is that
// of the names; by family for Prometheus, which wants the series of a family together.

import type { Codes } from './cells/codes.ts';
import type { Histogram } from './cells/histogram.ts';
import type { CodesRow, Row } from './cells/table.ts';
import { familyName } from './cells/table.ts';
import type { AnyGroup, Group, Scope, StatGroups } from './stats.ts';

export interface Metric {
  /** As in /stats, e.g. `cluster.web.upstream_rq_200`. */
  readonly name: string;
  /** As in Prometheus, e.g. `envoy_cluster_upstream_rq`. */
  readonly family: string;
  /** Labels in Prometheus, without braces. */
  readonly labels: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly value: number | Histogram;
  /** Was there ever anything to count? */
  readonly used: boolean;
}

export function* metricsOf(stats: StatGroups, order: 'by-name' | 'by-family' = 'by-name'): Generator<Metric> {
  if (order === 'by-family') for (const group of stats.groups()) yield* familiesOf(group as Group<unknown>);
  else yield* scopesOf(stats.groups());
}

function* scopesOf(groups: readonly AnyGroup[]): Generator<Metric> {
  const scopes = groups.flatMap((group) =>
    [...group.scopes.values()].map((scope) => ({ group: group as Group<unknown>, scope: scope as Scope<unknown> })),
  );
  scopes.sort((a, b) => byText(a.scope.prefix, b.scope.prefix));
  for (const { group, scope } of scopes) {
    const found = [...plain(group, scope), ...histograms(group, scope)];
    yield* found.sort((a, b) => byText(a.name, b.name));
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function* plain(group: Group<unknown>, scope: Scope<unknown>): Generator<Metric> {
  for (const row of group.kind.rows) {
    const metric = ofRow(group, scope, row);
    if (metric !== null) yield metric;
  }
  for (const row of group.kind.codes) yield* ofCodes(group, scope, row);
}

function* histograms(group: Group<unknown>, scope: Scope<unknown>): Generator<Metric> {
  for (const { name, help, read } of group.kind.histograms) {
    const value = read(scope.cell);
    if (value === null) continue;
    const family = group.kind.family + familyName(name);
    yield {
      name: scope.prefix + name,
      family,
      labels: scope.labels,
      kind: 'histogram',
      help,
      value,
      used: value.count > 0,
    };
  }
}

/** The families of a group in order, each with the series of every scope. */
function* familiesOf(group: Group<unknown>): Generator<Metric> {
  const scopes = [...group.scopes.values()].sort((a, b) => byText(a.prefix, b.prefix));
  for (const rows of byFamily(group.kind.rows)) {
    for (const scope of scopes) for (const row of rows) yield* optional(ofRow(group, scope, row));
  }
  for (const row of group.kind.codes) {
    const all = scopes.flatMap((scope) => [...ofCodes(group, scope, row)]);
    yield* all.sort((a, b) => byText(a.family, b.family));
  }
  for (const { name } of group.kind.histograms) {
    for (const scope of scopes) {
      for (const metric of histograms(group, scope)) if (metric.name === scope.prefix + name) yield metric;
    }
  }
}

function* optional<T>(value: T | null): Generator<T> {
  if (value !== null) yield value;
}

function byFamily(rows: readonly Row<unknown>[]): Iterable<Row<unknown>[]> {
  const families = Map.groupBy(rows, ({ family }) => family);
  return [...families.keys()].sort(byText).map((family) => families.get(family) as Row<unknown>[]);
}

function ofRow(group: Group<unknown>, scope: Scope<unknown>, row: Row<unknown>): Metric | null {
  const value = row.read(scope.cell);
  if (value === null) return null;
  return {
    name: scope.prefix + row.name,
    family: group.kind.family + row.family,
    labels: joined(row.label, scope.labels),
    kind: row.kind,
    help: row.help,
    value,
    used: value !== 0,
  };
}

/** `upstream_rq_completed`, `upstream_rq_2xx`, `upstream_rq_200`: only what was seen. */
function* ofCodes(group: Group<unknown>, scope: Scope<unknown>, row: CodesRow<unknown>): Generator<Metric> {
  const codes = row.read(scope.cell);
  const sum = (count: (codes: Codes) => number) => codes.reduce((total, each) => total + count(each), 0);
  const stem = `${row.prefix}upstream_rq`;
  const metric = (suffix: string, family: string, label: string, help: string, value: number): Metric => ({
    name: `${scope.prefix}${stem}_${suffix}`,
    family: group.kind.family + familyName(stem) + family,
    labels: joined(label, scope.labels),
    kind: 'counter',
    help,
    value,
    used: value > 0,
  });
  const total = sum((each) => each.total());
  if (total === 0 && row.prefix !== '') return;
  yield metric('completed', '_completed', '', 'Answers', total);
  for (let hundreds = 1; hundreds <= 5; hundreds++) {
    const count = sum((each) => each.ofClass(hundreds));
    if (count > 0)
      yield metric(`${hundreds}xx`, '_xx', `envoy_response_code_class="${hundreds}"`, 'Answers by class', count);
  }
  for (const status of new Set(codes.flatMap((each) => [...each.seen()]))) {
    yield metric(
      String(status),
      '',
      `envoy_response_code="${status}"`,
      'Answers by status',
      sum((each) => each.count(status)),
    );
  }
}

function joined(label: string, labels: string): string {
  return label === '' || labels === '' ? label + labels : `${label},${labels}`;
}
