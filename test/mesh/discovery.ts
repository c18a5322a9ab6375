// A discovery inside the test's process, on free ports, with a mesh file that the test rewrites.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import { createLogs, type Log } from '../../core/log.ts';
import { discoveryConfig, printHostPort } from '../../discovery/config.ts';
import { startDiscovery } from '../../discovery/main.ts';
import { tempDir } from '../temp-dir.ts';

export interface TestDiscovery {
  readonly xds: string;
  readonly secureXds: string;
  readonly admin: string;
  readonly dataDir: string;
  /** Log lines so far. */
  readonly log: readonly string[];
  /** Writes the mesh file anew. */
  readonly mesh: (yaml: string) => void;
  readonly stop: () => void;
}

export async function runDiscovery(
  t: TestContext,
  yaml: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<TestDiscovery> {
  const folder = tempDir(t);
  const file = join(folder, 'mesh.yaml');
  const dataDir = join(folder, 'data');
  writeFileSync(file, yaml);
  const values = {
    config: [file],
    'data-dir': dataDir,
    'xds-address': '127.0.0.1:0',
    'secure-xds-address': '127.0.0.1:0',
    'admin-address': '127.0.0.1:0',
    ...flags,
  };
  const lines: string[] = [];
  const running = await startDiscovery(discoveryConfig(values, {}), {
    clock: systemClock,
    log: linesInto(lines),
    environment: {},
    version: 'test',
  });
  t.after(running.stop);
  return {
    xds: printHostPort(running.xds),
    secureXds: running.secureXds === null ? '' : printHostPort(running.secureXds),
    admin: printHostPort(running.admin),
    dataDir,
    log: lines,
    mesh: (next) => writeFileSync(file, next),
    stop: running.stop,
  };
}

function linesInto(lines: string[]): Log {
  return createLogs({ levels: { root: 'debug', components: new Map() }, write: (line) => lines.push(line) }).child(
    'discovery',
  );
}

/** Tries until it does not throw, for at most `ms`. */
export async function eventually<T>(attempt: () => T | Promise<T>, ms = 10_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
