// The admin server as a part of the program, and what it shows whoever carries the traffic.

import type { Admin } from '../core/admin.ts';
import type { Clock } from '../core/clock.ts';
import type { Lifecycle, Part } from '../core/lifecycle.ts';
import type { Logs } from '../core/log.ts';
import type { AdminActions, AdminSources } from './admin.ts';
import type { Config } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ServerStates } from './server-states.ts';
import type { Stats } from './telemetry/stats.ts';
import { serverInfo } from './views.ts';

/** What is known in this thread. */
export interface OwnParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logs: Logs;
  readonly stats: Stats;
  readonly controlPlane: ControlPlane;
  readonly state: ServerStates;
}

/** What whoever carries the traffic shows and does. */
export interface TrafficSources
  extends Pick<AdminSources, 'figures' | 'silent' | 'memory' | 'clusters' | 'listeners' | 'certificates' | 'unready'> {
  readonly actions: Pick<AdminActions, 'drainListeners' | 'failHealthChecks' | 'resetCounters' | 'reopenLogs'>;
}

export function adminPart(own: OwnParts, traffic: TrafficSources, lifecycle: Lifecycle): Part {
  let admin: Admin | null = null;
  const { config } = own;
  return {
    name: 'admin',
    start: async () => {
      if (config.admin === null) return;
      const { host, port } = config.admin;
      // An HTTP server and what it shows: memory that a proxy without admin pages does not need.
      const { serveAdmin } = await import('../core/admin.ts');
      const { adminPages } = await import('./admin.ts');
      const { createProcessMetrics } = await import('./telemetry/process-metrics.ts');
      const sources = adminSources(own, traffic, lifecycle, createProcessMetrics());
      admin = await serveAdmin({
        host,
        port,
        pages: adminPages(sources),
        name: 'fairlead',
        addressPath: config.adminAddressPath ?? undefined,
      }).catch((error: Error) => {
        throw new Error(
          `the admin interface cannot listen on ${host}:${port}: ${error.message}; choose another port in admin.address (\`fairlead bootstrap --admin-port\`)`,
        );
      });
    },
    stop: () => admin?.close(),
  };
}

function adminSources(
  own: OwnParts,
  traffic: TrafficSources,
  lifecycle: Lifecycle,
  registry: { metrics(): Promise<string> },
): AdminSources {
  const { config, clock, logs, stats, controlPlane, state } = own;
  return {
    ...traffic,
    clock,
    logs,
    stats,
    processMetrics: () => registry.metrics(),
    state: () => state.now,
    staleSeconds: () => controlPlane.staleSeconds,
    info: serverInfo(config, clock),
    configDump: (includeEds) => controlPlane.dump(includeEds),
    actions: {
      ...traffic.actions,
      quit: () => void lifecycle.stop('quitquitquit'),
      failHealthChecks: (failing) => {
        state.failing = failing;
        traffic.actions.failHealthChecks(failing);
      },
    },
  };
}
