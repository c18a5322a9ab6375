// The worker from outside: asks it, watches whether it gets on, and starts another one where it does not.

import { Worker } from 'node:worker_threads';
import type { TargetName } from './target.ts';
import type { Reply, Request, WorkerData } from './worker.ts';

/** So long without a new execution: it hangs. By the clock, and inputs of megabytes may be slow on a busy machine. */
const HANGS_MS = 20_000;
const LOOK_EVERY_MS = 250;
/** What an execution may not use up. */
const MOST_HEAP_MB = 1024;

/** The execution under way, and why it came to nothing. */
export interface Broken {
  readonly did: 'break';
  readonly execution: number;
  readonly kind: string;
}

export class Sandbox {
  readonly #target: TargetName;
  readonly #seed: number;
  readonly #now = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | null = null;
  /** Ends the wait for a reply. */
  #finish: (reply: Reply | Broken) => void = () => {};

  constructor(target: TargetName, seed: number) {
    this.#target = target;
    this.#seed = seed;
  }

  async ask(request: Request): Promise<Reply | Broken> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const reply = await this.#reply(worker, request);
    if (reply.did !== 'break') return reply;
    this.#worker = null;
    await worker.terminate();
    return reply;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const workerData: WorkerData = {
      target: this.#target,
      seed: this.#seed,
      now: this.#now.buffer as SharedArrayBuffer,
    };
    const resourceLimits = { maxOldGenerationSizeMb: MOST_HEAP_MB };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, resourceLimits });
    worker.on('message', (reply: Reply) => this.#finish(reply));
    worker.on('error', (error: Error) => this.#finish(this.#broken(`ends the program: ${error.message}`)));
    worker.on('exit', () => this.#finish(this.#broken('ends the program')));
    return worker;
  }

  #broken(kind: string): Broken {
    return { did: 'break', execution: Atomics.load(this.#now, 0), kind };
  }

  #reply(worker: Worker, request: Request): Promise<Reply | Broken> {
    return new Promise((resolve) => {
      const stopWatching = this.#watch(() => this.#finish(this.#broken('hangs')));
      this.#finish = (reply) => {
        stopWatching();
        resolve(reply);
      };
      worker.postMessage(request);
    });
  }

  /** Calls `onHang` when the number of the execution stands still for too long. */
  #watch(onHang: () => void): () => void {
    let seen = Atomics.load(this.#now, 0);
    let since = performance.now();
    const timer = setInterval(() => {
      const execution = Atomics.load(this.#now, 0);
      if (execution === seen && performance.now() - since > HANGS_MS) onHang();
      if (execution === seen) return;
      seen = execution;
      since = performance.now();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }
}
