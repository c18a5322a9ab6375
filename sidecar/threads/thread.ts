// One worker as the primary sees it: the thread, what it said of itself, and questions to it that it must
// answer within a bound.

import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../core/clock.ts';
import type { ScopeFigures } from '../telemetry/figures.ts';
import type { Answers, FromWorker, Question, ToWorker, WorkerSettings, WorkerState } from './messages.ts';

/** So long a worker may be silent while it owes an answer. */
export const ANSWER_MS = 1_000;

export interface ThreadContext {
  readonly clock: Clock;
  /** The program of a worker. */
  readonly file: string | URL;
  readonly settings: WorkerSettings;
  readonly onState: () => void;
  readonly onMessage: (message: Extract<FromWorker, { kind: 'port' | 'log' | 'lines' }>) => void;
  /** It owes an answer and does not give it. */
  readonly onSilent: () => void;
  /** After this nothing comes any more. `figures`: what it had counted, where it could still say so. */
  readonly onEnd: (reason: string, figures: readonly ScopeFigures[] | null) => void;
}

interface Asked {
  readonly items: unknown[];
  readonly timer: Timer;
  readonly resolve: (items: unknown[] | null) => void;
}

const UNKNOWN: WorkerState = { applied: -1, settled: false, missing: [], listeners: [] };

export class Thread {
  readonly index: number;
  readonly #context: ThreadContext;
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #nextAsk = 0;
  #state: WorkerState = UNKNOWN;
  #hasStarted = false;
  #wasReady = false;
  #reason = '';
  #lastWords: readonly ScopeFigures[] | null = null;

  constructor(context: ThreadContext) {
    this.#context = context;
    this.index = context.settings.index;
    this.#worker = new Worker(context.file, {
      workerData: context.settings,
      name: `worker ${this.index}`,
    });
    this.#worker.on('message', (message: FromWorker) => this.#on(message));
    this.#worker.on('error', (error: unknown) => {
      this.#reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#worker.on('exit', (code) => this.#onExit(code));
    // Who waits for the start hears of it; whoever does not, hears of the end.
    this.#started.promise.catch(() => undefined);
  }

  /** Resolves when it serves what is in force; rejects when it ended before. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Once ready, waiting for a new listener changes nothing. */
  isReady(seq: number): boolean {
    this.#wasReady ||= this.#hasStarted && this.#state.applied >= seq && this.#state.missing.length === 0;
    return this.#wasReady;
  }

  tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** null: it was silent for too long, or ended. */
  ask<Q extends Question>(what: Q): Promise<readonly Answers[Q][] | null> {
    const id = this.#nextAsk++;
    const { promise, resolve } = Promise.withResolvers<unknown[] | null>();
    const timer = this.#context.clock.after(ANSWER_MS, () => this.#onSilence(id));
    this.#asked.set(id, { items: [], timer, resolve });
    this.tell({ kind: 'ask', id, what });
    return promise as Promise<Answers[Q][] | null>;
  }

  /** At once, whatever it does. */
  async terminate(): Promise<void> {
    this.#reason ||= 'terminated';
    await this.#worker.terminate();
  }

  #on(message: FromWorker): void {
    switch (message.kind) {
      case 'started':
        this.#hasStarted = true;
        this.#started.resolve();
        return;
      case 'state':
        this.#state = message.state;
        this.#context.onState();
        return;
      case 'answer':
        this.#onAnswer(message);
        return;
      case 'failed':
        this.#reason = message.reason;
        return;
      case 'last-words':
        this.#reason = message.reason;
        this.#lastWords = message.figures;
        return;
      default:
        this.#context.onMessage(message);
    }
  }

  #onAnswer({ id, items, last }: Extract<FromWorker, { kind: 'answer' }>): void {
    const asked = this.#asked.get(id);
    // The answer to a question that was given up.
    if (asked === undefined) return;
    for (const item of items) asked.items.push(item);
    if (last) this.#settle(id, asked.items);
    else asked.timer.refresh();
  }

  #onSilence(id: number): void {
    this.#context.onSilent();
    this.#settle(id, null);
  }

  #settle(id: number, items: unknown[] | null): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.timer.cancel();
    asked?.resolve(items);
  }

  #onExit(code: number): void {
    const reason = this.#reason || `ended with ${code}`;
    for (const id of [...this.#asked.keys()]) this.#settle(id, null);
    this.#started.reject(new Error(reason));
    this.#ended.resolve();
    this.#context.onEnd(reason, this.#lastWords);
  }
}
