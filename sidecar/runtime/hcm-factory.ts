// Makes a living connection manager of its description: cells, loggers, tracer, everything but its routes.

import { networkInterfaces } from 'node:os';
import type { Clock } from '../../core/clock.ts';
import type { HttpConnectionManager, Listener } from '../model/listener.ts';
import { isPipe, rangeTest } from '../../core/addresses.ts';
import type { Hcm, RouterConfig } from '../proxy/hcm.ts';
import { createAccessLogs, type LogFiles } from '../telemetry/access-log.ts';
import { compileLocalReply } from '../telemetry/local-reply.ts';
import { type Stats, TracingStats } from '../telemetry/stats.ts';
import { createTracer, type SpanSink, type Tracer } from '../telemetry/tracing.ts';

export interface HcmSettings {
  readonly clock: Clock;
  readonly stats: Stats;
  readonly logFiles: LogFiles;
  readonly node: { readonly id: string; readonly cluster: string };
  /** null: nobody asked for spans. */
  readonly spans: SpanSink | null;
}

export interface MadeHcm {
  readonly hcm: Omit<Hcm, 'routes' | 'isMisdirected'>;
  readonly release: () => void;
}

/** `label` names the listener in statistics. */
export function makeHcm(
  config: HttpConnectionManager,
  listener: Listener,
  label: string,
  settings: HcmSettings,
): MadeHcm {
  const { clock, stats, logFiles, node } = settings;
  const random = () => clock.random();
  const cell = stats.http(config.statPrefix);
  const logs = createAccessLogs(config.accessLogs, logFiles, random);
  return {
    hcm: {
      config,
      router: routerOf(config),
      stats: cell,
      codecStats: stats.http1,
      http2: stats.http2,
      listenerCodes: stats.listenerHttp(label, config.statPrefix),
      isInternalAddress: internalTest(config),
      ownAddress: OWN_ADDRESS,
      node,
      log: logs.log,
      localReply: config.localReply === null ? null : compileLocalReply(config.localReply, random),
      tracer: tracerOf(config, settings),
      bufferLimit: listener.bufferLimit,
      clock,
    },
    release: () => logs.close(),
  };
}

function internalTest({ internalRanges, unixSocketsInternal }: HttpConnectionManager): (address: string) => boolean {
  const inRanges = rangeTest(internalRanges);
  return unixSocketsInternal ? (address) => isPipe(address) || inRanges(address) : inRanges;
}

function routerOf({ filters }: HttpConnectionManager): RouterConfig | null {
  const last = filters.at(-1)?.config;
  return last?.kind === 'router' ? last : null;
}

function tracerOf(config: HttpConnectionManager, { clock, stats, spans }: HcmSettings): Tracer | null {
  if (config.tracing === null) return null;
  const cell = stats.http(config.statPrefix);
  cell.tracing ??= new TracingStats();
  return createTracer({
    config: config.tracing,
    packTraceReason: config.packTraceReason,
    stats: cell.tracing,
    spans,
    propagate: spans !== null,
    clock,
  });
}

/** The first address of this machine that is not loopback, as Envoy writes it for a loopback peer. */
const OWN_ADDRESS = firstOwnAddress();

function firstOwnAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address ?? '127.0.0.1';
}
