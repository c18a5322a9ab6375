// A sidecar with several workers: a real process, or one inside the test that holds its workers; and how to
// ask either.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLifecycle } from '../../../core/lifecycle.ts';
import { createLogs } from '../../../core/log.ts';
import { NODE_FLAGS } from '../../../core/node-flags.ts';
import { ask, until } from '../../../examples/tea-shop/ask.ts';
import { loadConfig } from '../../../sidecar/config.ts';
import { createPrimary } from '../../../sidecar/primary.ts';
import type { Workers } from '../../../sidecar/threads/workers.ts';
import { call } from '../../mesh/call.ts';
import { tempDir } from '../../temp-dir.ts';

const CLI = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const START_MS = 60_000;

/** The admin pages of a sidecar. */
export class AdminPages {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async get(path: string): Promise<string> {
    return (await ask({ port: this.#port, path })).text;
  }

  /** On a connection of its own. */
  async getAnew(path: string): Promise<string> {
    return (await call(`127.0.0.1:${this.#port}`, path)).body;
  }

  async post(path: string): Promise<string> {
    return (await ask({ port: this.#port, path, method: 'POST' })).text;
  }

  /** One figure of /stats; 0 where there is none. */
  async stat(name: string): Promise<number> {
    const line = (await this.get('/stats')).split('\n').find((text) => text.startsWith(`${name}: `));
    return Number(line?.slice(name.length + 2) ?? 0);
  }

  /** The port of a listener. */
  async port(listener = 'main'): Promise<number> {
    const lines = (await this.get('/listeners')).split('\n');
    const line = lines.find((text) => text.startsWith(`${listener}::`));
    return Number(line?.split(':').at(-1));
  }

  async untilLive(): Promise<void> {
    await until('the sidecar', async () => (await this.get('/ready')) === 'LIVE\n', START_MS);
  }
}

export interface Running {
  readonly child: ChildProcess;
  readonly pages: AdminPages;
  /** Application and access log lines so far. */
  readonly said: { readonly stderr: string; readonly stdout: string };
  readonly exitCode: Promise<number | null>;
}

interface Files {
  readonly bootstrap: string;
  /** Where the sidecar writes its admin address. */
  readonly address: string;
}

function writeFiles(t: TestContext, bootstrap: string): Files {
  const dir = tempDir(t);
  const file = join(dir, 'boot.yaml');
  writeFileSync(file, `admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n${bootstrap}`);
  return { bootstrap: file, address: join(dir, 'admin') };
}

function flagsOf({ bootstrap, address }: Files, flags: readonly string[]): string[] {
  return ['-c', bootstrap, '--admin-address-path', address, ...flags];
}

async function pagesAt({ address }: Files): Promise<AdminPages> {
  await until('the admin server', async () => readFileSync(address, 'utf8').includes(':'), START_MS);
  return new AdminPages(Number(readFileSync(address, 'utf8').split(':').at(-1)));
}

/**
 * `bootstrap` comes without its admin address. Resolves when it is ready, unless told otherwise. `under`: a command
 * that becomes the one it is given.
 */
export async function runSidecar(
  t: TestContext,
  bootstrap: string,
  flags: readonly string[] = [],
  wait = true,
  under: readonly string[] = [],
): Promise<Running> {
  const files = writeFiles(t, bootstrap);
  const [command = '', ...args] = [...under, process.execPath, ...NODE_FLAGS, CLI, 'sidecar', ...flagsOf(files, flags)];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FAIRLEAD_DRAIN_TIME_S: '10' },
  });
  t.after(() => child.kill('SIGKILL'));
  const said = { stderr: '', stdout: '' };
  for (const stream of ['stderr', 'stdout'] as const) {
    child[stream].on('data', (bytes: Buffer) => {
      said[stream] += bytes.toString('latin1');
    });
  }
  const exitCode = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const pages = await pagesAt(files);
  if (wait) await pages.untilLive();
  return { child, pages, said, exitCode };
}

export interface Inside {
  readonly workers: Workers;
  readonly pages: AdminPages;
  readonly logged: readonly string[];
}

/** The same program in this process, which holds the threads. */
export async function runInside(t: TestContext, bootstrap: string, flags: readonly string[]): Promise<Inside> {
  const files = writeFiles(t, bootstrap);
  const args = flagsOf(files, ['--drain-time-s', '1', ...flags]);
  const read = new Map<string, Buffer>();
  const result = loadConfig(args, process.env, (path) => {
    const bytes = readFileSync(path);
    read.set(path, bytes);
    return bytes;
  });
  if (!result.ok) throw new Error(result.text);
  const logged: string[] = [];
  const levels = { root: 'debug', components: new Map() } as const;
  const logs = createLogs({ levels, write: (line) => logged.push(line) });
  const primary = await createPrimary(result.config, logs, { args, files: read });
  const lifecycle = createLifecycle({
    onTrouble: (part, error) => logged.push(`${part}: ${error}`),
    process: { on: () => {}, off: () => {}, exit: () => {} },
  });
  t.after(() => lifecycle.stop('the test is over'));
  await lifecycle.start(primary.parts(lifecycle));
  const pages = await pagesAt(files);
  await pages.untilLive();
  return { workers: primary.workers, pages, logged };
}

/** Requests one after another, each on a connection of its own, so that the system spreads them. */
export async function askOften(port: number, times: number, path = '/'): Promise<string[]> {
  const bodies: string[] = [];
  for (let n = 0; n < times; n++) bodies.push((await call(`127.0.0.1:${port}`, path)).body);
  return bodies;
}
