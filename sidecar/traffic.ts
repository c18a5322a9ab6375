// What carries traffic in one thread: the runtime with what it counts in, logs to and traces with. The only
// thread of a small sidecar has one, and so has every worker of a larger one.

import type { Clock } from '../core/clock.ts';
import { compactHeap } from '../core/compact-heap.ts';
import { compile } from '../core/compiler.ts';
import type { Logs } from '../core/log.ts';
import type { Config } from './config.ts';
import { ConnectionGates } from './net/connection-gates.ts';
import { held, type HeldByThreads } from './http/held.ts';
import { Runtime, type SharedWork } from './runtime/runtime.ts';
import { LogFiles } from './telemetry/access-log.ts';
import type { RelayLines } from './telemetry/relayed-sink.ts';
import type { Spans } from './telemetry/spans.ts';
import { loadSpans, spansFromEnvironment } from './telemetry/spans-config.ts';
import { Stats } from './telemetry/stats.ts';

export interface Traffic {
  readonly stats: Stats;
  readonly logFiles: LogFiles;
  readonly spans: Spans | null;
  readonly runtime: Runtime;
}

/** What a worker does otherwise than the only thread. */
export interface TrafficOptions {
  readonly shared?: SharedWork;
  readonly gates?: ConnectionGates;
  readonly buffered?: HeldByThreads;
  readonly relay?: RelayLines;
  readonly onListeners?: () => void;
}

export async function openTraffic(
  config: Config,
  clock: Clock,
  logs: Logs,
  {
    shared,
    gates = new ConnectionGates(config.connectionLimits),
    buffered,
    relay,
    onListeners = () => {},
  }: TrafficOptions = {},
): Promise<Traffic> {
  const stats = new Stats();
  held.use({ limitBytes: config.maxBufferedBytes, stats: stats.overload, shared: buffered });
  const logFiles = openLogFiles(config, clock, logs, stats, relay);
  const spans = await openSpans();
  const runtime = new Runtime({
    clock,
    log: logs.child('runtime'),
    stats,
    logFiles,
    node: config.node,
    spans,
    onListeners,
    gates,
    drainTimeMs: config.drainTimeMs,
    ...(shared === undefined ? {} : { shared }),
  });
  return { stats, logFiles, spans, runtime };
}

function openLogFiles(config: Config, clock: Clock, logs: Logs, stats: Stats, relay?: RelayLines): LogFiles {
  return new LogFiles({
    clock,
    stats: stats.filesystem,
    flushMs: config.fileFlushIntervalMs,
    onError: (path, error) => tellLogTrouble(logs, path, error),
    ...(relay === undefined ? {} : { relay }),
  });
}

export function tellLogTrouble(logs: Logs, path: string, error: Error): void {
  logs.child('access-log').error({ path, err: error }, 'an access log cannot be written');
}

async function openSpans(): Promise<Spans | null> {
  const options = spansFromEnvironment(process.env);
  return options === null ? null : loadSpans(options);
}

/** Static listeners must be bound, or the program does not start. */
export async function startListeners(config: Config, runtime: Runtime): Promise<void> {
  compactHeap();
  runtime.apply(config.snapshot);
  await runtime.settled();
  compile();
  const [failed] = runtime.bindErrors.values();
  if (failed !== undefined) throw new Error(failed);
}
