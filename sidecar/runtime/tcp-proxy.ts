// Makes a living TCP proxy of its description: cells, loggers, and which cluster a connection goes to.

import type { Clock } from '../../core/clock.ts';
import type { Listener, TcpProxy as TcpProxyDescription } from '../model/listener.ts';
import { createAccessLogs, type LogFiles } from '../telemetry/access-log.ts';
import type { TcpStats } from '../telemetry/cells/tcp.ts';
import type { RequestFacts } from '../telemetry/facts.ts';
import type { Stats } from '../telemetry/stats.ts';

/** Everything that is looked up when the description is applied and not per connection. */
export interface TcpProxy {
  readonly config: TcpProxyDescription;
  readonly stats: TcpStats;
  readonly log: ((facts: RequestFacts) => void) | null;
  readonly bufferLimit: number;
  readonly clock: Clock;
}

export interface TcpProxySettings {
  readonly clock: Clock;
  readonly stats: Stats;
  readonly logFiles: LogFiles;
}

export interface MadeTcpProxy {
  readonly tcp: TcpProxy;
  /** Lets go of its log files. */
  readonly release: () => void;
}

export function makeTcpProxy(
  config: TcpProxyDescription,
  { bufferLimit }: Listener,
  { clock, stats, logFiles }: TcpProxySettings,
): MadeTcpProxy {
  const logs = createAccessLogs(config.accessLogs, logFiles, () => clock.random());
  return {
    tcp: { config, stats: stats.tcp(config.statPrefix), log: logs.log, bufferLimit, clock },
    release: () => logs.close(),
  };
}

/** The cluster of one attempt: the entry whose share holds the drawn number. */
export function pickCluster({ clusters, totalWeight }: TcpProxyDescription, random: () => number): string {
  if (clusters.length === 1) return clusters[0]?.name ?? '';
  let left = Math.floor(random() * totalWeight);
  for (const { name, weight } of clusters) {
    left -= weight;
    if (left < 0) return name;
  }
  return clusters.at(-1)?.name ?? '';
}
