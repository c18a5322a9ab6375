// Everything that tells the proxy what to do besides its file: discovery over ADS, the identity loop, the
// last good configuration on disk. With a file alone, nothing of it runs.

import type { Clock } from '../core/clock.ts';
import type { Logs } from '../core/log.ts';
import type { DumpSection } from './admin/config-dump.ts';
import type { Config } from './config.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { Stats } from './telemetry/stats.ts';
import { dumpSections } from './xds/dump.ts';

export interface ControlPlane {
  /** The first configuration is here, from discovery or from disk. */
  readonly configured: boolean;
  start(): void | Promise<void>;
  /** Tells discovery that this instance goes: nobody should start a request to it. */
  leave(): Promise<void>;
  stop(): void | Promise<void>;
  dump(includeEndpoints: boolean): readonly DumpSection[];
}

export interface ControlPlaneContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly logs: Logs;
  readonly stats: Stats;
  readonly runtime: Runtime;
}

export function connect({ config, clock }: ControlPlaneContext): ControlPlane {
  const startedWallMs = clock.wall();
  return {
    configured: true,
    start: () => {},
    leave: async () => {},
    stop: () => {},
    dump: (includeEndpoints) => dumpSections({ bootstrap: config.bootstrap, startedWallMs, held: [], refused: [], versions: new Map() }, includeEndpoints),
  };
}
