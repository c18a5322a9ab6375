// The workers of the primary thread: started together, told of every update in order, asked for what they
// know, replaced when one ends, and ended together.

import { backoffMs } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log, Logs } from '../../core/log.ts';
import { SharedCounts } from '../../core/shared-counts.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { RelayLines } from '../telemetry/relayed-sink.ts';
import type { StatGroups, Stats } from '../telemetry/stats.ts';
import { WorkerStats } from '../telemetry/worker-stats.ts';
import { LimitSlots, type SlotChange } from '../upstream/limit-slots.ts';
import { LimitTable } from '../upstream/shared-limits.ts';
import { packUpdate } from '../xds/ipc-source.ts';
import type { Refusal, ResourceUpdate } from '../xds/source.ts';
import type { Answers, BoundListener, FromWorker, Question, Standing, ToWorker } from './messages.ts';
import { SharedPorts } from './shared-ports.ts';
import { Thread } from './thread.ts';

export interface WorkersContext {
  readonly count: number;
  /** The program of a worker, its command line, and the files that the primary read. */
  readonly file: string | URL;
  readonly args: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly clock: Clock;
  readonly logs: Logs;
  readonly stats: Stats;
  /** What the bootstrap says. */
  readonly fixed: Snapshot;
  /** Connections of clients, over all workers. */
  readonly connections: SharedCounts;
  /** What is in force beyond it, for a worker that begins. */
  readonly current: () => readonly ResourceUpdate[];
  /** Lines of access logs that the primary writes. */
  readonly onLines: RelayLines;
}

/** The first replacement comes within a second; one that ends again and again comes ever more slowly. */
const RESTART = { baseMs: 200, maxMs: 30_000 };
/** After so long a life an end counts as the first. */
const HEALTHY_MS = 60_000;
/** How much a worker can have counted that is lost when it ends without a word. */
const SAMPLE_MS = 5_000;
/** Beyond the time for what is under way. */
const STOP_GRACE_MS = 3_000;

interface Place {
  thread: Thread | null;
  bornMs: number;
  /** Ends in a row. */
  ends: number;
  timer: Timer | null;
}

export class Workers {
  readonly stats: WorkerStats;
  readonly #context: WorkersContext;
  readonly #log: Log;
  readonly #places: readonly Place[];
  readonly #limits: LimitTable;
  readonly #slots: LimitSlots;
  readonly #buffered: SharedCounts;
  readonly #ports = new SharedPorts();
  readonly #standing = new Map<string, Standing>();
  #seq = 0;
  #slotChanges: readonly SlotChange[] = [];
  #phase: 'starting' | 'serving' | 'stopping' = 'starting';
  #gathering: Promise<StatGroups> | null = null;
  #silent: readonly number[] = [];
  #sampling: Timer | null = null;
  #waiting: (() => void)[] = [];

  constructor(context: WorkersContext) {
    this.#context = context;
    this.#log = context.logs.child('workers');
    this.stats = new WorkerStats(context.stats, context.count);
    this.#places = Array.from({ length: context.count }, () => ({ thread: null, bornMs: 0, ends: 0, timer: null }));
    this.#limits = new LimitTable(context.count);
    this.#buffered = new SharedCounts(context.count, 1);
    this.#slots = new LimitSlots(this.#limits, (cluster) =>
      this.#log.warn({ cluster }, 'too many clusters to count over all workers: each has its share of the limits'),
    );
    this.#slots.assign(context.fixed.clusters.keys());
  }

  /** Rejects with the reason of the first that cannot serve what the bootstrap says. */
  async start(): Promise<void> {
    for (const index of this.#places.keys()) this.#spawn(index);
    const results = await Promise.allSettled(this.threads.map(({ started }) => started));
    // Told to stop before it was over.
    if (this.#isStopping) return;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      await this.stop(0);
      throw failed.reason;
    }
    this.#phase = 'serving';
    this.#sampleSoon();
  }

  get #isStopping(): boolean {
    return this.#phase === 'stopping';
  }

  /** Those that live. */
  get threads(): readonly Thread[] {
    return this.#places.flatMap(({ thread }) => thread ?? []);
  }

  #spawn(index: number): void {
    const { clock, file, args, files, count, current } = this.#context;
    const place = this.#placeOf(index);
    const settings = {
      index,
      workers: count,
      args,
      files,
      limits: this.#limits.memory,
      slots: this.#slots.all,
      connections: this.#context.connections.memory,
      buffered: this.#buffered.memory,
    };
    const thread = new Thread({
      clock,
      file,
      settings,
      onState: () => this.#onState(thread),
      onMessage: (message) => this.#onMessage(thread, message),
      onSilent: () => this.#onSilent(index),
      onEnd: (reason, figures) => {
        if (figures !== null) this.stats.said(index, figures);
        this.#onEnd(index, reason);
      },
    });
    place.thread = thread;
    place.bornMs = clock.now();
    thread.tell({ kind: 'begin', seq: this.#seq, updates: current().map((update) => packUpdate(update)) });
    for (const order of this.#standing.values()) thread.tell(order);
  }

  #placeOf(index: number): Place {
    const place = this.#places[index];
    if (place === undefined) throw new RangeError(`there is no worker ${index}`);
    return place;
  }

  #onEnd(index: number, reason: string): void {
    const place = this.#placeOf(index);
    place.thread = null;
    this.stats.ended(index);
    this.#limits.clear(index);
    this.#context.connections.clear(index);
    this.#buffered.clear(index);
    this.#tellWaiting();
    if (this.#phase !== 'serving') return;
    this.stats.restarts.worker_restarts++;
    const waitMs = this.#nextWait(place);
    this.#log.error({ worker: index, reason, waitMs }, 'a worker ended; another takes its place');
    place.timer = this.#context.clock.after(waitMs, () => this.#spawn(index));
  }

  /** Half of it fixed, so that a worker that cannot live costs only so much. */
  #nextWait(place: Place): number {
    const { clock } = this.#context;
    place.ends = clock.now() - place.bornMs >= HEALTHY_MS ? 1 : place.ends + 1;
    const ceiling = backoffMs(RESTART, place.ends, () => 1);
    return Math.round((ceiling * (1 + clock.random())) / 2);
  }

  #onState(thread: Thread): void {
    for (const { addresses } of thread.state.listeners) for (const { port } of addresses) this.#ports.bound(port);
    this.#tellWaiting();
  }

  #onMessage(thread: Thread, message: Extract<FromWorker, { kind: 'port' | 'log' | 'lines' }>): void {
    if (message.kind === 'log') this.#context.logs.writeLine(message.line);
    else if (message.kind === 'lines') this.#context.onLines(message.path, message.text, message.count);
    else this.#choosePort(thread, message);
  }

  #choosePort(thread: Thread, { id, listener, n, host }: Extract<FromWorker, { kind: 'port' }>): void {
    this.#ports.choose(listener, n, host).then(
      (port) => thread.tell({ kind: 'port', id, port, trouble: null }),
      (error: Error) => thread.tell({ kind: 'port', id, port: 0, trouble: error.message }),
    );
  }

  #onSilent(index: number): void {
    this.stats.missed(index);
    this.#log.warn({ worker: index }, 'a worker does not answer; what is known of it is used');
  }

  // What they are told.

  /** The next snapshot, before the update that led to it is passed on. */
  apply(next: Snapshot): void {
    this.#slotChanges = [...this.#slotChanges, ...this.#slots.assign(next.clusters.keys())];
    this.#ports.keep(new Set(next.listeners.keys()));
  }

  onUpdate(update: ResourceUpdate, refusals: readonly Refusal[]): void {
    const seq = ++this.#seq;
    const slots = this.#slotChanges;
    this.#slotChanges = [];
    this.tellAll({ kind: 'update', seq, update: packUpdate(update, refusals), slots });
  }

  tellAll(message: ToWorker): void {
    for (const thread of this.threads) thread.tell(message);
  }

  /** Holds from now on, for workers to come as well. */
  order(order: Standing): void {
    const key = keyOf(order);
    for (const known of this.#standing.keys()) if (known.startsWith(key)) this.#standing.delete(known);
    this.#standing.set(key, order);
    this.tellAll(order);
  }

  drain(): void {
    this.order({ kind: 'drain' });
  }

  resetCounters(): void {
    this.tellAll({ kind: 'reset-counters' });
    this.stats.resetCounters();
  }

  // What they say.

  /** Every one knows all that was passed on so far. */
  get #inStep(): boolean {
    return this.#places.every(({ thread }) => thread?.hasStarted === true && thread.state.applied >= this.#seq);
  }

  /** Every one serves what is in force; to be asked when there is something in force. */
  get ready(): boolean {
    return this.#places.every(({ thread }) => thread?.isReady(this.#seq) === true);
  }

  get missing(): readonly string[] {
    const absent = this.#places.flatMap(({ thread }, i) => (thread?.hasStarted === true ? [] : [`worker ${i}`]));
    return [...new Set([...absent, ...this.threads.flatMap(({ state }) => state.missing)])];
  }

  /** Of any worker: all have the same, on the same ports. */
  get bound(): readonly BoundListener[] {
    const byName = new Map<string, BoundListener>();
    for (const one of this.threads.flatMap(({ state }) => state.listeners)) {
      if (one.addresses.length > 0 || !byName.has(one.name)) byName.set(one.name, one);
    }
    return [...byName.values()];
  }

  /** As whoever registers this instance looks at them. */
  get listeners() {
    return new Map(
      this.bound.map(({ name, direction, addresses }) => [name, { description: { direction }, addresses }]),
    );
  }

  /** Resolves when every worker that lives has bound what it was told of so far. */
  async settled(): Promise<void> {
    // What is being applied just now is passed on when that is done.
    await Promise.resolve();
    const seq = this.#seq;
    const isSettled = () => this.threads.every(({ state }) => state.applied >= seq && state.settled);
    return new Promise((resolve) => {
      const look = () => (isSettled() ? resolve() : void this.#waiting.push(look));
      look();
    });
  }

  #tellWaiting(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  /** Those that did not answer the last question that was put to all. */
  get silent(): readonly number[] {
    return this.#silent;
  }

  /** The items of every answer, by worker; null: none came. */
  async askAll<Q extends Question>(
    what: Q,
    use: (worker: number, items: readonly Answers[Q][]) => void = () => {},
  ): Promise<(readonly Answers[Q][] | null)[]> {
    const asked = this.#places.map(async ({ thread }, index) => {
      const items = (await thread?.ask(what)) ?? null;
      if (items !== null) use(index, items);
      return items;
    });
    const answers = await Promise.all(asked);
    this.#silent = answers.flatMap((items, index) => (items === null ? [index] : []));
    return answers;
  }

  /** The figures of all threads; of a silent one, as it said last. */
  figures(): Promise<StatGroups> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = null;
    });
    return this.#gathering;
  }

  /** What one says is taken at once: it may have ended before the last of the others answers. */
  async #gather(): Promise<StatGroups> {
    const answers = await this.askAll('figures', (worker, items) => this.stats.said(worker, items));
    if (this.#inStep && answers.every((items) => items !== null)) this.stats.forgetGone();
    return this.stats;
  }

  /** So that little is lost of one that ends without a word. */
  #sampleSoon(): void {
    this.#sampling = this.#context.clock.after(SAMPLE_MS, () => {
      this.#sampleSoon();
      void this.figures();
    });
  }

  /** Requests under way. Who does not answer is busy. */
  async active(): Promise<number> {
    const answers = await Promise.all(this.threads.map((thread) => thread.ask('busy')));
    return answers.reduce((sum, items) => sum + (items?.[0] ?? 1), 0);
  }

  /** No more connections; what is under way has so long. */
  async stop(withinMs: number): Promise<void> {
    this.#phase = 'stopping';
    this.#sampling?.cancel();
    for (const { timer } of this.#places) timer?.cancel();
    this.#ports.close();
    this.tellAll({ kind: 'stop', withinMs });
    const late = this.#context.clock.after(withinMs + STOP_GRACE_MS, () => this.#terminateAll());
    await Promise.all(this.threads.map(({ ended }) => ended));
    late.cancel();
  }

  #terminateAll(): void {
    for (const thread of this.threads) {
      this.#log.error({ worker: thread.index }, 'a worker did not stop in time and is ended');
      void thread.terminate();
    }
  }
}

/** An order takes the place of those whose key begins with its own: a level for all, those for some. */
function keyOf(order: Standing): string {
  if (order.kind === 'level') return order.component === null ? 'level:' : `level:${order.component}:`;
  if (order.kind === 'stop-listening') return order.inboundOnly ? 'stop-listening:inbound' : 'stop-listening:';
  return order.kind;
}
