// The figures as text: Envoy's /stats in its forms, and Prometheus. Rendered piece by piece, so that a
// scrape of a large mesh leaves the event loop free between pieces.

import { compileRe2 } from '../../core/re2.ts';
import { BUCKET_BOUNDS, type Histogram, QUANTILES } from './cells/histogram.ts';
import { type Metric, metricsOf } from './metrics.ts';
import type { StatGroups } from './stats.ts';

export interface StatsQuery {
  readonly format: 'text' | 'json' | 'prometheus';
  readonly usedOnly: boolean;
  /** Does a name belong to the answer? */
  readonly wanted: (name: string) => boolean;
  readonly kinds: 'all' | 'counters' | 'gauges' | 'histograms' | 'none';
  readonly buckets: 'quantiles' | 'cumulative' | 'disjoint';
}

/** The longest pattern that `filter` takes. */
export const LONGEST_FILTER = 1024;
/** Series in one Prometheus answer; what is beyond is left out and said so. */
export const MAX_SERIES = 200_000;
/** Lines that are rendered in one go. */
const LINES_PER_PIECE = 500;

/** The query string of /stats as Envoy reads it, or the text to refuse it with. */
export function readStatsQuery(query: URLSearchParams, prometheus = false): StatsQuery | string {
  const wanted = nameFilter(query.get('filter'), query.has('invert_filter'));
  if (typeof wanted === 'string') return wanted;
  const kinds = KINDS[query.get('type') ?? 'All'];
  if (kinds === undefined) return 'invalid &type= param';
  const buckets = BUCKETS[query.get('histogram_buckets') ?? 'summary'];
  if (buckets === undefined) return 'usage: /stats?histogram_buckets=(cumulative|disjoint|summary)\n';
  const format = prometheus ? 'prometheus' : (query.get('format') ?? 'text');
  if (format !== 'text' && format !== 'json' && format !== 'prometheus')
    return 'usage: /stats?format=(json|prometheus|text)\n';
  return { format, usedOnly: query.has('usedonly'), wanted, kinds, buckets };
}

const KINDS: Readonly<Record<string, StatsQuery['kinds']>> = {
  All: 'all',
  Counters: 'counters',
  Gauges: 'gauges',
  Histograms: 'histograms',
  TextReadouts: 'none',
};
const BUCKETS: Readonly<Record<string, StatsQuery['buckets']>> = {
  summary: 'quantiles',
  none: 'quantiles',
  cumulative: 'cumulative',
  disjoint: 'disjoint',
};

/** RE2 syntax, found anywhere in the name. A plain word is looked for as such. */
export function nameFilter(pattern: string | null, invert = false): ((name: string) => boolean) | string {
  if (pattern === null || pattern === '') return () => true;
  if (pattern.length > LONGEST_FILTER) return `Invalid re2 regex: longer than ${LONGEST_FILTER} characters`;
  if (/^\w+$/.test(pattern)) return (name) => name.includes(pattern) !== invert;
  try {
    const compiled = compileRe2(pattern);
    return (name) => compiled.matcher(name).find() !== invert;
  } catch (error) {
    return `Invalid re2 regex: ${(error as Error).message}`;
  }
}

/** The answer in pieces. `more` are metrics kept elsewhere, already in the exposition format. */
export async function* renderStats(
  stats: StatGroups,
  query: StatsQuery,
  more?: () => Promise<string>,
): AsyncGenerator<string> {
  if (query.format === 'prometheus') {
    yield* inPieces(prometheusLines(stats, query));
    if (more !== undefined && !query.usedOnly) yield `${await more()}\n`;
  } else if (query.format === 'json') {
    yield* jsonPieces(stats, query);
  } else {
    yield* inPieces(textLines(stats, query));
  }
}

async function* inPieces(lines: Iterable<string>): AsyncGenerator<string> {
  let piece = '';
  let count = 0;
  for (const line of lines) {
    piece += line;
    if (++count % LINES_PER_PIECE !== 0) continue;
    yield piece;
    piece = '';
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (piece !== '') yield piece;
}

/** Every metric that was asked for: plain ones in order of name, then histograms. */
function* chosen(stats: StatGroups, query: StatsQuery): Generator<Metric> {
  const histograms: Metric[] = [];
  for (const metric of metricsOf(stats)) {
    if (!wants(query, metric)) continue;
    if (typeof metric.value === 'number') yield metric;
    else histograms.push(metric);
  }
  yield* histograms;
}

function wants(query: StatsQuery, metric: Metric): boolean {
  if (query.usedOnly && !metric.used) return false;
  if (query.kinds !== 'all' && query.kinds !== `${metric.kind}s`) return false;
  return query.wanted(metric.name);
}

function* textLines(stats: StatGroups, query: StatsQuery): Generator<string> {
  for (const { name, value } of chosen(stats, query)) {
    yield typeof value === 'number' ? `${name}: ${value}\n` : `${name}: ${histogramText(value, query)}\n`;
  }
}

function histogramText(histogram: Histogram, query: StatsQuery): string {
  if (histogram.count === 0) return 'No recorded values';
  if (query.buckets === 'quantiles')
    return QUANTILES.map((percent) => `P${percent}(nan,${histogram.quantile(percent)})`).join(' ');
  return bucketCounts(histogram, query)
    .map((count, i) => `B${boundText(BUCKET_BOUNDS[i] as number)}(0,${count})`)
    .join(' ');
}

function bucketCounts(histogram: Histogram, query: StatsQuery): number[] {
  const counts = histogram.cumulative();
  return query.buckets === 'cumulative'
    ? counts
    : counts.map((count, i) => count - (i === 0 ? 0 : (counts[i - 1] as number)));
}

/** As C++ prints a double: six significant digits. */
function boundText(bound: number): string {
  return bound >= 1e6 ? bound.toExponential().replace(/e\+(\d)$/, 'e+0$1') : String(bound);
}

/** One object for each metric, histograms in one object at the end, in Envoy's shape. */
async function* jsonPieces(stats: StatGroups, query: StatsQuery): AsyncGenerator<string> {
  const histograms: Metric[] = [];
  let comma = '';
  function* entries(): Generator<string> {
    for (const metric of chosen(stats, query)) {
      if (typeof metric.value !== 'number') {
        histograms.push(metric);
        continue;
      }
      yield `${comma}${JSON.stringify({ name: metric.name, value: metric.value })}`;
      comma = ',';
    }
  }
  yield '{"stats":[';
  yield* inPieces(entries());
  if (histograms.length > 0) yield `${comma}${histogramsJson(histograms, query)}`;
  yield ']}';
}

function histogramsJson(metrics: readonly Metric[], query: StatsQuery): string {
  const of = (metric: Metric) => metric.value as Histogram;
  const body =
    query.buckets === 'quantiles'
      ? {
          supported_quantiles: QUANTILES,
          computed_quantiles: metrics.map((metric) => ({
            name: metric.name,
            values: QUANTILES.map((percent) => quantileJson(of(metric), percent)),
          })),
        }
      : metrics.map((metric) => ({
          name: metric.name,
          buckets: bucketCounts(of(metric), query).map((cumulative, i) => ({
            upper_bound: BUCKET_BOUNDS[i],
            interval: 0,
            cumulative,
          })),
        }));
  return JSON.stringify({ histograms: body });
}

function quantileJson(histogram: Histogram, percent: number): { cumulative: number | null; interval: null } {
  return { cumulative: histogram.count === 0 ? null : histogram.quantile(percent), interval: null };
}

/** Families one after another, each with its TYPE and HELP before its first series. */
function* prometheusLines(stats: StatGroups, query: StatsQuery): Generator<string> {
  let series = 0;
  let dropped = 0;
  let family = '';
  for (const metric of metricsOf(stats, 'by-family')) {
    if (!wants(query, metric)) continue;
    if (++series > MAX_SERIES) {
      dropped++;
      continue;
    }
    if (metric.family !== family) {
      family = metric.family;
      yield `# HELP ${family} ${metric.help}\n# TYPE ${family} ${metric.kind}\n`;
    }
    yield typeof metric.value === 'number'
      ? `${family}{${metric.labels}} ${metric.value}\n`
      : histogramLines(metric, metric.value);
  }
  if (dropped > 0) yield `# ${dropped} series beyond the limit of ${MAX_SERIES} are left out\n`;
}

function histogramLines({ family, labels }: Metric, histogram: Histogram): string {
  const before = labels === '' ? '' : `${labels},`;
  const buckets = histogram
    .cumulative()
    .map((count, i) => `${family}_bucket{${before}le="${BUCKET_BOUNDS[i]}"} ${count}\n`);
  const end = `${family}_bucket{${before}le="+Inf"} ${histogram.count}\n`;
  return `${buckets.join('')}${end}${family}_sum{${labels}} ${histogram.sum}\n${family}_count{${labels}} ${histogram.count}\n`;
}
