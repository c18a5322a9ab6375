// A worker thread: carries traffic as the only thread of a small sidecar does, but is told of its
// configuration by the primary, and tells the primary what it counts. Started as a thread, never imported.

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/clock.ts';
import { createLogs, type Logs, parseLevels } from '../core/log.ts';
import { SharedCounts } from '../core/shared-counts.ts';
import type { ClusterView } from './admin/clusters.ts';
import { type Config, loadConfig } from './config.ts';
import { ConnectionGates, slotsOf } from './net/connection-gates.ts';
import { figuresOf, type ScopeFigures } from './telemetry/figures.ts';
import type { Answers, FromWorker, Question, Standing, ToWorker, WorkerSettings } from './threads/messages.ts';
import { PortAsks } from './threads/port-asks.ts';
import { openTraffic, startListeners, type Traffic } from './traffic.ts';
import { LimitTable } from './upstream/shared-limits.ts';
import { WorkerBreakers } from './upstream/worker-breakers.ts';
import { certificateViews, clusterView } from './views.ts';
import { createIpcSource, type IpcSource, type PackedUpdate, unpackUpdate } from './xds/ipc-source.ts';
import { Resources } from './xds/resources.ts';

/** Items of an answer that are sent in one turn of the event loop. */
const PIECE = 100;
const LOOK_EVERY_MS = 20;
const EXIT_FAILURE = 1;

class WorkerProgram {
  readonly #port: MessagePort;
  readonly #logs: Logs;
  readonly #traffic: Traffic;
  readonly #staticNames: ReadonlySet<string>;
  readonly #breakers: WorkerBreakers;
  readonly #source: IpcSource;
  readonly #resources: Resources;
  #applied = -1;
  #stateIsDue = false;

  constructor(parts: WorkerParts) {
    this.#port = parts.port;
    this.#logs = parts.logs;
    this.#traffic = parts.traffic;
    this.#breakers = parts.breakers;
    this.#staticNames = new Set(parts.config.snapshot.clusters.keys());
    this.#resources = new Resources({
      fixed: parts.config.snapshot,
      allowUnsupported: parts.config.allowUnsupported,
      clock: systemClock,
      // The primary asks for what is wanted, and has told of what was passed over.
      wildcard: { listeners: false, clusters: false },
      ownSecrets: new Set(),
      warn: () => {},
    });
    this.#source = createIpcSource(this.#resources.prepare, (names) =>
      parts.logs.child('xds').error({ names }, 'a worker and the primary judged otherwise'),
    );
    this.#source.source(this.#resources.judge, this.#resources.wanted);
  }

  on(message: Exclude<ToWorker, { kind: 'port' }>): void {
    switch (message.kind) {
      case 'begin':
        this.#begin(message.seq, message.updates);
        return;
      case 'update':
        this.#breakers.change(message.slots);
        this.#source.deliver(message.update, () => {
          this.#applied = message.seq;
          this.tellState();
        });
        return;
      case 'ask':
        this.#answer(message.id, message.what).catch((error: unknown) =>
          // Nobody's request is to fail because somebody looked: the primary takes silence for an answer.
          this.#logs.child('main').error({ what: message.what, err: error }, 'a question could not be answered'),
        );
        return;
      case 'reset-counters':
        this.#traffic.stats.resetCounters();
        return;
      case 'reopen-logs':
        this.#traffic.logFiles.reopen();
        return;
      case 'stop':
        void this.#stop(message.withinMs);
        return;
      default:
        this.#obey(message);
    }
  }

  /** What is in force is applied in one go. */
  #begin(seq: number, updates: readonly PackedUpdate[]): void {
    const { runtime } = this.#traffic;
    for (const update of updates) this.#adopt(update);
    runtime.apply(this.#resources.snapshot.value);
    this.#resources.snapshot.subscribe((next) => runtime.apply(next));
    this.#applied = seq;
    this.tellState();
    this.#post({ kind: 'started' });
  }

  #adopt(packed: PackedUpdate): void {
    const refusals = this.#resources.adopt(unpackUpdate(packed));
    if (refusals.length > 0) this.#logs.child('xds').error({ refusals }, 'a worker refused what is in force');
  }

  #obey(order: Standing): void {
    const { runtime } = this.#traffic;
    if (order.kind === 'drain') runtime.drain();
    else if (order.kind === 'stop-listening') runtime.stopListening(order.inboundOnly);
    else if (order.kind === 'fail-health-checks') runtime.failHealthChecks(order.failing);
    else if (order.component === null) this.#logs.setLevel(order.level);
    else this.#logs.setComponentLevel(order.component, order.level);
  }

  /** Once for everything that changed in this turn of the event loop. */
  tellState(): void {
    if (this.#stateIsDue) return;
    this.#stateIsDue = true;
    setImmediate(() => {
      this.#stateIsDue = false;
      const { runtime } = this.#traffic;
      const listeners = [...runtime.listeners.values()].map(({ description: { name, direction }, addresses }) => ({
        name,
        direction,
        addresses,
      }));
      const { isSettled: settled, missing } = runtime;
      this.#post({ kind: 'state', state: { applied: this.#applied, settled, missing, listeners } });
    });
  }

  #itemsOf(what: Question): Iterable<Answers[Question]> {
    const { runtime } = this.#traffic;
    switch (what) {
      case 'figures':
        return this.#figures();
      case 'clusters':
        return this.#clusters();
      case 'certificates':
        return certificateViews(runtime);
      case 'memory':
        return [process.memoryUsage()];
      case 'busy':
        return [runtime.activeRequests];
    }
  }

  *#clusters(): Generator<ClusterView> {
    for (const cluster of this.#traffic.runtime.clusters.all)
      yield clusterView(cluster, !this.#staticNames.has(cluster.name));
  }

  /** The server as such is the primary's to describe. */
  *#figures(): Generator<ScopeFigures> {
    for (const scope of figuresOf(this.#traffic.stats)) if (scope.prefix !== 'server.') yield scope;
  }

  /** In pieces: traffic goes on in between. */
  async #answer(id: number, what: Question): Promise<void> {
    let items: unknown[] = [];
    for (const item of this.#itemsOf(what)) {
      items.push(item);
      if (items.length < PIECE) continue;
      this.#post({ kind: 'answer', id, items, last: false });
      items = [];
      await nextTurn();
    }
    this.#post({ kind: 'answer', id, items, last: true });
  }

  /** What waits to be accepted is taken, then no more; what is under way may end. */
  async #stop(withinMs: number): Promise<void> {
    const { runtime, logFiles, spans } = this.#traffic;
    const end = systemClock.now() + withinMs;
    await nextTurn();
    runtime.stopListening();
    while (runtime.activeRequests > 0 && systemClock.now() < end) await sleep(LOOK_EVERY_MS);
    runtime.destroy();
    await logFiles.close();
    await spans?.close();
    process.exit(0);
  }

  /** An error that nobody expected: what was counted and logged is handed over, and the thread ends. */
  die(error: unknown): void {
    this.#traffic.logFiles.flushSync();
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#post({ kind: 'last-words', reason, figures: [...this.#figures()] });
    process.exit(EXIT_FAILURE);
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

interface WorkerParts {
  readonly port: MessagePort;
  readonly config: Config;
  readonly logs: Logs;
  readonly traffic: Traffic;
  readonly breakers: WorkerBreakers;
}

async function run(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const post = (message: FromWorker) => port.postMessage(message);
  const config = configOf(settings);
  const logs = openLogs(config, settings.index, post);
  const ports = new PortAsks(post);
  const table = new LimitTable(settings.workers, settings.limits);
  const breakers = new WorkerBreakers(table, settings.index, settings.slots);
  let program: WorkerProgram | null = null;
  const traffic = await openTraffic(config, systemClock, logs, {
    shared: { makeBreaker: breakers.make, choosePort: ports.choose, listensAtPipes: settings.index === 0 },
    gates: gatesOf(config, settings),
    buffered: { counts: new SharedCounts(settings.workers, 1, settings.buffered), thread: settings.index },
    relay: (path, text, count) => post({ kind: 'lines', path, text, count }),
    onListeners: () => program?.tellState(),
  });
  program = new WorkerProgram({ port, config, logs, traffic, breakers });
  process.on('uncaughtException', (error) => program.die(error));
  const begun = startListeners(config, traffic.runtime).catch((error: Error) => {
    post({ kind: 'failed', reason: error.message });
    process.exit(EXIT_FAILURE);
  });
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'port') ports.answered(message);
    // What comes while static listeners are bound waits, in its order.
    else void begun.then(() => program.on(message));
  });
}

/** From the very bytes that the primary read: a file that changed since says the same to all threads. */
function configOf({ args, files }: WorkerSettings): Config {
  const result = loadConfig(args, process.env, (path) => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`${path} was not read by the primary thread`);
    return Buffer.from(bytes);
  });
  if (!result.ok) throw new Error(result.text);
  return result.config;
}

function gatesOf({ connectionLimits }: Config, { index, workers, connections }: WorkerSettings): ConnectionGates {
  const counts = new SharedCounts(workers, slotsOf(connectionLimits), connections);
  return new ConnectionGates(connectionLimits, counts, index);
}

/** Lines go to the primary, which has the destination. */
function openLogs({ logLevel, componentLogLevel }: Config, worker: number, post: (message: FromWorker) => void): Logs {
  const levels = parseLevels([logLevel, componentLogLevel ?? ''].join(','));
  if (typeof levels === 'string') throw new Error(levels);
  return createLogs({ levels, fields: { worker }, write: (line) => post({ kind: 'log', line }) });
}

if (parentPort !== null) await run(parentPort, workerData as WorkerSettings);
