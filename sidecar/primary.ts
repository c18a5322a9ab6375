// The proxy with several threads, put together. This thread, the primary, has everything that there must be
// one of: the stream to discovery, the workload's identity, the state on disk, the admin pages. Its workers
// carry the traffic.

import { extname, join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Logs } from '../core/log.ts';
import { SharedCounts } from '../core/shared-counts.ts';
import { addCertificateViews, addClusterViews } from './admin/add-views.ts';
import type { Memory } from './admin/server-info.ts';
import { adminPart, type TrafficSources } from './admin-part.ts';
import type { Config } from './config.ts';
import { type ControlPlane, connect } from './control-plane.ts';
import { drained } from './drain.ts';
import { slotsOf } from './net/connection-gates.ts';
import { onceTrue, ServerStates } from './server-states.ts';
import type { ConfigOrigin, Sidecar } from './sidecar.ts';
import { LogFiles } from './telemetry/access-log.ts';
import { LogSink } from './telemetry/log-sink.ts';
import { Stats } from './telemetry/stats.ts';
import { Workers } from './threads/workers.ts';
import { tellLogTrouble } from './traffic.ts';

/** Compiled or not, the worker's program stands beside this file. */
const WORKER = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);

export interface Primary extends Sidecar {
  readonly workers: Workers;
}

export async function createPrimary(config: Config, programLogs: Logs, origin: ConfigOrigin): Promise<Primary> {
  const clock = systemClock;
  const stats = new Stats();
  stats.server.concurrency = config.concurrency;
  const streams = new Streams(clock, programLogs, stats);
  const workers: Workers = new Workers({
    count: config.concurrency,
    file: WORKER,
    ...origin,
    clock,
    logs: programLogs,
    stats,
    fixed: config.snapshot,
    connections: new SharedCounts(config.concurrency, slotsOf(config.connectionLimits)),
    current: () => controlPlane.updates,
    onLines: (path, text, count) => streams.write(path, text, count),
  });
  const logs = withWorkers(programLogs, workers);
  const controlPlane: ControlPlane = await connect({ config, clock, logs, stats, dataPlane: workers });
  const isConfigured = onceTrue(() => controlPlane.configured);
  const state = new ServerStates(() => isConfigured() && workers.ready);
  const own = { config, clock, logs, stats, controlPlane, state };
  let drainEndsMs = 0;
  return {
    workers,
    parts: (lifecycle) => [
      { name: 'access logs', start: () => {}, stop: () => streams.close() },
      adminPart(own, trafficSources(workers), lifecycle),
      {
        name: 'workers',
        start: () => workers.start(),
        stop: () => workers.stop(Math.max(drainEndsMs - clock.now(), 0)),
      },
      { name: 'control plane', start: () => controlPlane.start(), stop: () => controlPlane.stop() },
      {
        name: 'traffic',
        // After a log file was moved away.
        start: () => void process.on('SIGUSR1', () => workers.tellAll({ kind: 'reopen-logs' })),
        stop: async () => {
          state.draining = true;
          drainEndsMs = clock.now() + config.drainTimeMs;
          await controlPlane.leave();
          await drained(workers, config.drainTimeMs, clock);
          logs.child('main').info('drained');
        },
      },
    ],
  };
}

/** Components that log in workers only are known here too; a level that changes, changes there. */
function withWorkers(logs: Logs, workers: Workers): Logs {
  logs.child('runtime');
  return {
    ...logs,
    setLevel(level) {
      logs.setLevel(level);
      workers.order({ kind: 'level', component: null, level });
    },
    setComponentLevel(component, level) {
      workers.order({ kind: 'level', component, level });
      return logs.setComponentLevel(component, level);
    },
  };
}

function trafficSources(workers: Workers): TrafficSources {
  const listed = async <Q extends 'clusters' | 'certificates'>(what: Q) =>
    (await workers.askAll(what)).filter((items) => items !== null);
  return {
    figures: () => workers.figures(),
    silent: () => workers.silent,
    memory: () => memoryOf(workers),
    clusters: async () => addClusterViews(await listed('clusters')),
    listeners: () => workers.bound,
    certificates: async () => addCertificateViews(await listed('certificates')),
    unready: () => (workers.missing.length === 0 ? {} : { server: workers.missing }),
    actions: {
      drainListeners: ({ inboundOnly, graceful }) => {
        if (graceful) workers.drain();
        else workers.order({ kind: 'stop-listening', inboundOnly });
      },
      failHealthChecks: (failing) => workers.order({ kind: 'fail-health-checks', failing }),
      resetCounters: () => workers.resetCounters(),
      reopenLogs: () => workers.tellAll({ kind: 'reopen-logs' }),
    },
  };
}

/** Each thread has a heap of its own. */
async function memoryOf(workers: Workers): Promise<Memory> {
  const { rss, ...own } = process.memoryUsage();
  const heaps = [own, ...(await workers.askAll('memory')).flatMap((items) => items?.[0] ?? [])];
  return {
    rss,
    heapUsed: heaps.reduce((sum, { heapUsed }) => sum + heapUsed, 0),
    heapTotal: heaps.reduce((sum, { heapTotal }) => sum + heapTotal, 0),
  };
}

/** stdout and stderr, which this thread alone writes. Workers have gathered the lines: they go at once. */
class Streams {
  readonly #files: LogFiles;
  readonly #sinks = new Map<string, LogSink>();

  constructor(clock: Clock, logs: Logs, stats: Stats) {
    const onError = (path: string, error: Error) => tellLogTrouble(logs, path, error);
    this.#files = new LogFiles({ clock, stats: stats.filesystem, flushMs: 0, onError });
  }

  write(path: string, text: string, count: number): void {
    const known = this.#sinks.get(path) ?? this.#files.use(path);
    if (!(known instanceof LogSink)) throw new TypeError(`${path} is written elsewhere`);
    this.#sinks.set(path, known);
    known.writeLines(text, count);
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}
