// The statistics of a program whose traffic is carried by several threads: what each said last, what those
// that ended had counted, and all of it together with what the program counts itself, in the shape that is
// rendered.

import { addScopes, withoutGauges } from './add-figures.ts';
import { Codes } from './cells/codes.ts';
import { Histogram } from './cells/histogram.ts';
import { counter, type Declared, gauge, type Row, rowsOf, type ScopeKind, type Table } from './cells/table.ts';
import { type CellFigures, type CodesFigure, type Figure, figuresOf, type ScopeFigures } from './figures.ts';
import type { AnyGroup, Scope, StatGroups, Stats } from './stats.ts';

/** Of the workers as such, under `server.` */
export class WorkersCell {
  /** Workers that ended and were replaced. */
  worker_restarts = 0;
}

/** Of one worker, under `server.worker_N.` */
export class WatchdogCell {
  /** Times it did not answer a question in time. */
  watchdog_miss = 0;
}

const WORKERS_TABLE: Table<WorkersCell> = { worker_restarts: counter('Workers that ended and were replaced') };
const WATCHDOG_TABLE: Table<WatchdogCell> = { watchdog_miss: counter('Times the worker did not answer in time') };

/** Scopes by name. */
type Figures = ReadonlyMap<string, ScopeFigures>;

interface WorkerFigures {
  /** As it said last. */
  last: Figures;
  /** Counted by those in its place before it. */
  kept: Figures;
  readonly watchdog: WatchdogCell;
}

const NOTHING: Figures = new Map();

export class WorkerStats implements StatGroups {
  readonly restarts = new WorkersCell();
  readonly #own: Stats;
  readonly #workers: readonly WorkerFigures[];
  readonly #gauges: ReadonlyMap<string, ReadonlySet<string>>;

  /** `own` is what the program counts itself; how everything is called is taken from there. */
  constructor(own: Stats, workers: number) {
    this.#own = own;
    this.#workers = Array.from({ length: workers }, () => ({
      last: NOTHING,
      kept: NOTHING,
      watchdog: new WatchdogCell(),
    }));
    this.#gauges = new Map(own.groups().map(({ kind }) => [kind.family, gaugesOf(kind)]));
  }

  /** What a worker counts now. */
  said(worker: number, figures: readonly ScopeFigures[]): void {
    this.#of(worker).last = new Map(figures.map((scope) => [scope.prefix, scope]));
  }

  /** A worker ended: what it counted last is kept for whoever comes in its place. */
  ended(worker: number): void {
    const figures = this.#of(worker);
    const counted = [...figures.last].map(
      ([name, scope]) => [name, withoutGauges(scope, this.#gauges.get(scope.family) ?? new Set())] as const,
    );
    figures.kept = added(figures.kept, new Map(counted));
    figures.last = NOTHING;
  }

  missed(worker: number): void {
    this.#of(worker).watchdog.watchdog_miss++;
  }

  /** Of what no worker has any more nothing is kept; to be called when all of them have said what they have. */
  forgetGone(): void {
    const living = this.#living;
    for (const worker of this.#workers) worker.kept = new Map([...worker.kept].filter(([name]) => living.has(name)));
  }

  /** After the workers were told to do the same. */
  resetCounters(): void {
    this.#own.resetCounters();
    this.restarts.worker_restarts = 0;
    for (const worker of this.#workers) {
      worker.kept = NOTHING;
      // What it said before is over too, should it end before it says more.
      worker.last = NOTHING;
      worker.watchdog.watchdog_miss = 0;
    }
  }

  get #living(): ReadonlySet<string> {
    return new Set(this.#workers.flatMap(({ last }) => [...last.keys()]));
  }

  groups(): readonly AnyGroup[] {
    const byFamily = Map.groupBy(this.#together().values(), ({ family }) => family);
    const merged = this.#own.groups().map((group) => {
      const scopes = (byFamily.get(group.kind.family) ?? []).map(scopeOf);
      return { kind: this.#kindOf(group), scopes: new Map(scopes.map((scope) => [scope.prefix, scope])) };
    });
    return [...(merged as unknown as AnyGroup[]), ...this.#ofWorkers()];
  }

  /** Every scope over all threads. */
  #together(): Figures {
    const living = this.#living;
    const workers = this.#workers.map(({ last, kept }) =>
      added(last, new Map([...kept].filter(([name]) => living.has(name)))),
    );
    const own = new Map([...figuresOf(this.#own)].map((scope) => [scope.prefix, scope]));
    return [own, ...workers].reduce(added);
  }

  /** Connections of a listener are also shown for each worker. */
  #kindOf({ kind }: AnyGroup): ScopeKind<never> {
    if (kind.family !== LISTENERS) return kind;
    const rows = kind.rows.filter(({ name }) => !name.startsWith('worker_'));
    return { ...kind, rows: [...rows, ...this.#workers.flatMap((_, i) => this.#workerRows(i))] } as ScopeKind<never>;
  }

  #workerRows(worker: number): Row<never>[] {
    const read = (name: string, { prefix }: Named) => {
      const { last, kept } = this.#of(worker);
      return fieldOf(last.get(prefix), name) + fieldOf(kept.get(prefix), name);
    };
    return Object.entries(WORKER_FIELDS).map(([name, { kind, help }]) => ({
      name: `worker_${worker}.${name}`,
      family: `worker_${name}`,
      label: `envoy_worker_id="${worker}"`,
      kind,
      help,
      read: (cell: Named) => read(name, cell),
    })) as unknown as Row<never>[];
  }

  #ofWorkers(): AnyGroup[] {
    const watchdogs = this.#workers.map(
      ({ watchdog }, i): Scope<WatchdogCell> => ({
        prefix: `server.worker_${i}.`,
        labels: `envoy_worker_id="${i}"`,
        cell: watchdog,
      }),
    );
    return [
      group(
        'envoy_server_',
        rowsOf<WorkersCell, WorkersCell>(WORKERS_TABLE, (cell) => cell),
        [{ prefix: 'server.', labels: '', cell: this.restarts }],
      ),
      group(
        'envoy_server_worker_',
        rowsOf<WatchdogCell, WatchdogCell>(WATCHDOG_TABLE, (cell) => cell),
        watchdogs,
      ),
    ];
  }

  #of(worker: number): WorkerFigures {
    const found = this.#workers[worker];
    if (found === undefined) throw new RangeError(`there is no worker ${worker}`);
    return found;
  }
}

const LISTENERS = 'envoy_listener_';
const WORKER_FIELDS: Readonly<Record<string, Declared>> = {
  downstream_cx_active: gauge('Connections open now'),
  downstream_cx_total: counter('Connections accepted'),
};

/** A cell that is put together knows its scope. */
interface Named {
  readonly prefix: string;
}

function group<C>(family: string, rows: readonly Row<C>[], scopes: readonly Scope<C>[]): AnyGroup {
  const kind: ScopeKind<C> = { family, rows, codes: [], histograms: [] };
  return { kind, scopes: new Map(scopes.map((scope) => [scope.prefix, scope])) } as unknown as AnyGroup;
}

function gaugesOf({ rows }: ScopeKind<never>): ReadonlySet<string> {
  return new Set(rows.filter(({ kind }) => kind === 'gauge').map(({ name }) => name));
}

function added(a: Figures, b: Figures): Figures {
  if (b.size === 0) return a;
  const sum = new Map(a);
  for (const [name, scope] of b) {
    const known = sum.get(name);
    sum.set(name, known === undefined ? scope : addScopes(known, scope));
  }
  return sum;
}

function fieldOf(scope: ScopeFigures | undefined, field: string): number {
  const value = (scope?.cell as CellFigures | undefined)?.fields[field];
  return typeof value === 'number' ? value : 0;
}

function scopeOf({ prefix, labels, cell }: ScopeFigures): Scope<unknown> {
  const living = cellOf(cell);
  // A lone set of answers by status is its own cell and needs no name.
  return { prefix, labels, cell: living instanceof Codes ? living : { ...(living as object), prefix } };
}

/** What rows can be read from, as if it had been counted in one place. */
function cellOf(figure: Figure): unknown {
  if (typeof figure === 'number' || figure === null) return figure;
  switch (figure.kind) {
    case 'histogram': {
      const histogram = new Histogram();
      histogram.addFilled(figure.bins, figure.sum);
      return histogram;
    }
    case 'codes':
      return new SummedCodes(figure);
    case 'gauges':
      return { membership: () => figure.membership, limits: (priority: 'default' | 'high') => figure[priority] };
    case 'cell':
      return Object.fromEntries(Object.entries(figure.fields).map(([field, inner]) => [field, cellOf(inner)]));
  }
}

/** Read-only: what was counted elsewhere. */
class SummedCodes extends Codes {
  readonly #sums = new Map<number, number>();

  constructor({ counts }: CodesFigure) {
    super();
    for (let i = 0; i < counts.length; i += 2) this.#sums.set(counts[i] as number, counts[i + 1] as number);
  }

  override count(status: number): number {
    return this.#sums.get(status) ?? 0;
  }

  override total(): number {
    return [...this.#sums.values()].reduce((sum, count) => sum + count, 0);
  }
}
