// One process of the shop: started with this same Node, its output kept, ended by its own id.

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { NODE_FLAGS } from '../../core/node-flags.ts';

export interface ChildOptions {
  readonly name: string;
  /** Script and arguments. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Also shown, each line after the process's name. */
  readonly show: boolean;
}

/** Time between asking a process to end and ending it. */
const STOP_MS = 8000;

export class Child {
  readonly name: string;
  readonly logFile: string;
  readonly #process: ChildProcess;
  readonly #log: WriteStream;
  #ended = false;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
    this.#process = spawn(process.execPath, [...NODE_FLAGS, ...options.argv], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#onOutput(bytes, options.show));
    }
    this.#process.on('exit', () => {
      this.#ended = true;
      this.#log.end();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  #onOutput(bytes: Buffer, show: boolean): void {
    this.#log.write(bytes);
    if (!show) return;
    for (const line of bytes.toString().trimEnd().split('\n'))
      process.stderr.write(`${this.name.padEnd(18)} | ${line}\n`);
  }

  /** Everything it said so far. */
  said(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await gone;
    clearTimeout(timer);
  }
}
