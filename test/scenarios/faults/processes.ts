// Processes that a test may kill, freeze and end: each ends with the test, whatever happened to it.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { tempDir } from '../../temp-dir.ts';

const TALLY = fileURLToPath(new URL('tally-program.ts', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  /** What it wrote so far. */
  readonly said: () => string;
  readonly exit: Promise<number | null>;
}

/** `argv` without Node itself. */
export function runProgram(t: TestContext, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  t.after(() => {
    // A frozen process cannot be ended by SIGKILL's politer kin, but by this one it can.
    child.kill('SIGKILL');
    return exit;
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
  }
  return { child, said: () => text, exit };
}

/** Resolves when the program wrote that. */
export async function untilSaid({ child, said, exit }: Program, what: string): Promise<void> {
  while (!said().includes(what)) {
    await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), exit]);
    if (child.exitCode !== null && !said().includes(what)) throw new Error(`it ended, having said ${said()}`);
  }
}

export interface TallyProcess extends Program {
  readonly port: number;
}

/** Origins that write into one book. */
export class TallyHouse {
  readonly #book: string;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.#book = join(tempDir(t), 'book');
  }

  async start(port?: number, env: NodeJS.ProcessEnv = {}): Promise<TallyProcess> {
    const on = port ?? ((await freePorts(1))[0] as number);
    const program = runProgram(this.#t, [TALLY, String(on), this.#book], env);
    await untilSaid(program, 'ready');
    return { ...program, port: on };
  }

  /** Id -> how often it was done, by whomever. */
  get executed(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    if (!existsSync(this.#book)) return counts;
    for (const id of readFileSync(this.#book, 'utf8').split('\n')) {
      if (id !== '') counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }
}
