// The proxy put together: what it is made of, in the order in which it starts, and how it ends.

import { collectDefaultMetrics, Registry } from 'prom-client';
import { type Admin, serveAdmin } from '../core/admin.ts';
import { systemClock } from '../core/clock.ts';
import { createLifecycle, type Lifecycle } from '../core/lifecycle.ts';
import { createLogs, type Logs, parseLevels } from '../core/log.ts';
import type { ServerState } from './admin/server-info.ts';
import { type AdminSources, adminPages } from './admin.ts';
import type { Config } from './config.ts';
import { type ControlPlane, connect } from './control-plane.ts';
import { drained } from './drain.ts';
import { Runtime } from './runtime/runtime.ts';
import { LogFiles } from './telemetry/access-log.ts';
import type { Spans } from './telemetry/spans.ts';
import { loadSpans, spansFromEnvironment } from './telemetry/spans-config.ts';
import { Stats } from './telemetry/stats.ts';
import { certificateViews, clusterViews, listenerViews, serverInfo, unreadyOf } from './views.ts';

/** Beyond the drain time, for closing what is left. */
const STOP_GRACE_MS = 5000;

export async function runSidecar(config: Config): Promise<void> {
  const logs = openLogs(config);
  for (const warning of config.warnings) logs.child('config').warn(warning.trim());
  const sidecar = await createSidecar(config, logs);
  const lifecycle = createLifecycle({
    stopMs: config.drainTimeMs + STOP_GRACE_MS,
    onStopping: (reason) => logs.child('main').info({ reason }, 'stopping'),
    onTrouble: (part, error) => logs.child('main').error({ part, err: error }, 'a part did not stop cleanly'),
  });
  try {
    await lifecycle.start(sidecar.parts(lifecycle));
    await lifecycle.ended;
  } catch (error) {
    logs.flush();
    process.stderr.write(`fairlead sidecar: ${(error as Error).message}\n`);
    process.exit(1);
  }
  logs.flush();
  process.exit(0);
}

function openLogs(config: Config): Logs {
  const levels = parseLevels([config.logLevel, config.componentLogLevel ?? ''].join(','));
  if (typeof levels === 'string') throw new Error(levels);
  return createLogs({ levels, ...(config.logPath === null ? {} : { to: config.logPath }) });
}

interface SidecarParts {
  parts(lifecycle: Lifecycle): Parameters<Lifecycle['start']>[0];
}

async function createSidecar(config: Config, logs: Logs): Promise<SidecarParts> {
  const clock = systemClock;
  const stats = new Stats();
  const log = logs.child('main');
  const logFiles = new LogFiles({
    clock,
    stats: stats.filesystem,
    flushMs: config.fileFlushIntervalMs,
    onError: (path, error) => logs.child('access-log').error({ path, err: error }, 'an access log cannot be written'),
  });
  const spans = await openSpans();
  const runtime = new Runtime({
    clock,
    log: logs.child('runtime'),
    stats,
    logFiles,
    node: config.node,
    spans,
    onListeners: () => {},
  });
  const controlPlane = connect({ config, clock, logs, stats, runtime });
  const state = new ServerStates(runtime, controlPlane);
  return {
    parts: (lifecycle) => [
      { name: 'spans', start: () => {}, stop: () => spans?.close() },
      { name: 'access logs', start: () => {}, stop: () => logFiles.close() },
      adminPart(config, { logs, stats, clock, runtime, logFiles, controlPlane, state }, lifecycle),
      { name: 'listeners', start: () => startListeners(config, runtime), stop: () => runtime.destroy() },
      { name: 'control plane', start: () => controlPlane.start(), stop: () => controlPlane.stop() },
      {
        name: 'traffic',
        start: () => watchSignals(logFiles),
        stop: async () => {
          state.draining = true;
          await controlPlane.leave();
          await drained(runtime, config.drainTimeMs, clock);
          log.info('drained');
        },
      },
    ],
  };
}

async function openSpans(): Promise<Spans | null> {
  const options = spansFromEnvironment(process.env);
  return options === null ? null : loadSpans(options);
}

/** After a log file was moved away. */
function watchSignals(logFiles: LogFiles): void {
  process.on('SIGUSR1', () => logFiles.reopen());
}

/** What /ready says, and why. */
class ServerStates {
  draining = false;
  failing = false;
  readonly #runtime: Runtime;
  readonly #controlPlane: ControlPlane;
  #wasLive = false;

  constructor(runtime: Runtime, controlPlane: ControlPlane) {
    this.#runtime = runtime;
    this.#controlPlane = controlPlane;
  }

  /** Once live, losing the control plane or waiting for a new listener changes nothing. */
  get now(): ServerState {
    if (this.draining || this.failing) return 'DRAINING';
    this.#wasLive ||= this.#controlPlane.configured && this.#runtime.missing.length === 0;
    return this.#wasLive ? 'LIVE' : 'PRE_INITIALIZING';
  }
}

/** Static listeners must be bound, or the program does not start. */
async function startListeners(config: Config, runtime: Runtime): Promise<void> {
  runtime.apply(config.snapshot);
  await runtime.settled();
  const [failed] = runtime.bindErrors.values();
  if (failed !== undefined) throw new Error(failed);
}

interface AdminParts {
  readonly logs: Logs;
  readonly stats: Stats;
  readonly clock: typeof systemClock;
  readonly runtime: Runtime;
  readonly logFiles: LogFiles;
  readonly controlPlane: ControlPlane;
  readonly state: ServerStates;
}

function adminPart(config: Config, parts: AdminParts, lifecycle: Lifecycle): Parameters<Lifecycle['start']>[0][number] {
  let admin: Admin | null = null;
  return {
    name: 'admin',
    start: async () => {
      if (config.admin === null) return;
      const sources = adminSources(config, parts, lifecycle);
      admin = await serveAdmin({
        host: config.admin.host,
        port: config.admin.port,
        pages: adminPages(sources),
        name: 'fairlead',
        addressPath: config.adminAddressPath ?? undefined,
      }).catch((error: Error) => {
        const { host, port } = config.admin ?? { host: '', port: 0 };
        throw new Error(
          `the admin interface cannot listen on ${host}:${port}: ${error.message}; choose another port in admin.address (\`fairlead bootstrap --admin-port\`)`,
        );
      });
    },
    stop: () => admin?.close(),
  };
}

function adminSources(config: Config, parts: AdminParts, lifecycle: Lifecycle): AdminSources {
  const { clock, logs, stats, runtime, logFiles, controlPlane, state } = parts;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const staticNames = new Set(config.snapshot.clusters.keys());
  return {
    clock,
    logs,
    stats,
    processMetrics: () => registry.metrics(),
    state: () => state.now,
    info: serverInfo(config, clock),
    clusters: () => clusterViews(runtime, staticNames),
    listeners: () => listenerViews(runtime),
    certificates: () => certificateViews(runtime),
    unready: () => unreadyOf(runtime),
    configDump: (includeEds) => controlPlane.dump(includeEds),
    actions: {
      drainListeners: ({ inboundOnly, graceful }) => {
        if (graceful) runtime.drain();
        else runtime.stopListening(inboundOnly);
      },
      quit: () => void lifecycle.stop('quitquitquit'),
      failHealthChecks: (failing) => {
        state.failing = failing;
        runtime.failHealthChecks(failing);
      },
      reopenLogs: () => logFiles.reopen(),
    },
  };
}
