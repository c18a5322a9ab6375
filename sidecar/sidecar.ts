// The life of the program: one thread that does everything, or a primary with workers; from its start until
// it is told to stop.

import { compile } from '../core/compiler.ts';
import { createLifecycle, type Lifecycle, type Part } from '../core/lifecycle.ts';
import { createLogs, type Logs, parseLevels } from '../core/log.ts';
import type { Config } from './config.ts';
import { createSingle } from './single.ts';

/** Beyond the drain time, for closing what is left. */
const STOP_GRACE_MS = 5000;

/** What the configuration was made of, so that every worker makes the same of it. */
export interface ConfigOrigin {
  readonly args: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface Sidecar {
  /** In the order in which they start. */
  parts(lifecycle: Lifecycle): readonly Part[];
}

export async function runSidecar(config: Config, origin: ConfigOrigin): Promise<void> {
  const logs = openLogs(config);
  for (const warning of config.warnings) logs.child('config').warn(warning.trim());
  const sidecar = await createSidecar(config, logs, origin);
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

/** Who needs no workers does not load what is for them. */
async function createSidecar(config: Config, logs: Logs, origin: ConfigOrigin): Promise<Sidecar> {
  if (config.concurrency === 1) return createSingle(config, logs);
  // A thread that is made while the compilers are off has one of them off for good.
  compile();
  return (await import('./primary.ts')).createPrimary(config, logs, origin);
}

function openLogs(config: Config): Logs {
  const levels = parseLevels([config.logLevel, config.componentLogLevel ?? ''].join(','));
  if (typeof levels === 'string') throw new Error(levels);
  return createLogs({ levels, ...(config.logPath === null ? {} : { to: config.logPath }) });
}
