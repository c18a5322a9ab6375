// One run of `npm run fuzz`: batches of executions in a sandbox, then every new finding made small and kept.

import { inputOf, type Longest, longer, newTally, note, type Found, type Tally, variantOf } from './executions.ts';
import { knownKinds } from './known.ts';
import { minimise } from './minimise.ts';
import type { FuzzOptions } from './options.ts';
import { type Broken, Sandbox } from './sandbox.ts';
import { keep, readMaterial } from './seeds.ts';
import type { Target } from './target.ts';
import { targetOf } from './targets.ts';
import type { Reply } from './worker.ts';

export interface Kept {
  readonly found: Found;
  /** Where it was written; null: a finding of this kind is known already. */
  readonly path: string | null;
}

export interface Summary {
  readonly executions: number;
  readonly seconds: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly kept: readonly Kept[];
  readonly longest: Longest;
  /** Most memory that the whole process held, in bytes. */
  readonly peak: number;
  /** Bytes in use after garbage was collected: at the first look, and at the last. */
  readonly heap: readonly [first: number, last: number];
}

/** More than this on top of the first look is a leak. */
const MOST_GROWTH_BYTES = 96 * 1024 * 1024;
const PROGRESS_MS = 10_000;

/** `stop`: ends the run early, with what it has by then. */
export async function fuzz(options: FuzzOptions, tell: (line: string) => void, stop: AbortSignal): Promise<Summary> {
  const target = targetOf(options.target);
  const sandbox = new Sandbox(options.target, options.seed);
  const run = new Run(options, sandbox, tell);
  await run.all(stop);
  const kept: Kept[] = [];
  const known = knownKinds(target);
  for (const found of run.tally.found.values()) {
    kept.push({ found, path: known.has(found.kind) ? null : await keepSmall(target, options, found, sandbox) });
  }
  await sandbox.close();
  const peak = process.resourceUsage().maxRSS * 1024;
  return { ...run.figures(), outcomes: run.tally.outcomes, longest: run.tally.longest, peak, kept };
}

class Run {
  readonly tally: Tally = newTally();
  readonly #options: FuzzOptions;
  readonly #sandbox: Sandbox;
  readonly #tell: (line: string) => void;
  readonly #started = performance.now();
  #toldAt = performance.now();
  #next: number;
  #heap: [number, number] = [0, 0];

  constructor(options: FuzzOptions, sandbox: Sandbox, tell: (line: string) => void) {
    this.#options = options;
    this.#sandbox = sandbox;
    this.#tell = tell;
    this.#next = options.from;
  }

  async all(stop: AbortSignal): Promise<void> {
    const to = this.#options.from + this.#options.executions;
    while (this.#next < to && this.#seconds < this.#options.seconds && !stop.aborted) {
      this.#take(await this.#sandbox.ask({ do: 'run', from: this.#next, to }));
      this.#tellProgress();
    }
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #take(reply: Reply | Broken): void {
    if (reply.did === 'break') {
      note(this.tally, reply.kind, reply.kind, reply.execution);
      this.#next = reply.execution + 1;
    } else if (reply.did === 'run') {
      this.#next = reply.next;
      this.#add(reply);
      if (reply.heap > 0) this.#weigh(reply.heap);
    }
  }

  #add({ outcomes, found, longest }: Extract<Reply, { did: 'run' }>): void {
    const { tally } = this;
    tally.longest = longer(tally.longest, longest);
    for (const [outcome, count] of outcomes) tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + count);
    for (const { kind, message, execution, count } of found.values()) note(tally, kind, message, execution, count);
  }

  #weigh(heap: number): void {
    const [first] = this.#heap;
    this.#heap = [first === 0 ? heap : first, heap];
    if (first > 0 && heap - first > MOST_GROWTH_BYTES)
      note(this.tally, 'memory grows', `from ${mib(first)} to ${mib(heap)} MiB`, this.#next);
  }

  #tellProgress(): void {
    if (performance.now() - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = performance.now();
    const { executions, seconds, heap } = this.figures();
    const speed = Math.round(executions / seconds);
    this.#tell(`${executions} executions, ${speed}/s, ${this.tally.found.size} findings, heap ${mib(heap[1])} MiB`);
  }

  figures(): Pick<Summary, 'executions' | 'seconds' | 'heap'> {
    return { executions: this.#next - this.#options.from, seconds: this.#seconds, heap: this.#heap };
  }
}

export function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** What hangs takes a worker and its time with each try. */
const MINIMISE_MS = 15_000;
const MINIMISE_HANGING_MS = 90_000;

async function keepSmall(target: Target, options: FuzzOptions, found: Found, sandbox: Sandbox): Promise<string> {
  const seeds = readMaterial(target.name);
  const input = inputOf(target, options.seed, found.execution, seeds);
  const variant = variantOf(target, found.execution);
  let broke = false;
  const find = async (inputs: readonly Buffer[]): Promise<number> => {
    const reply = await sandbox.ask({ do: 'find', inputs, variant, kind: found.kind });
    if (reply.did === 'find') return reply.index;
    broke = true;
    return reply.did === 'break' && reply.kind === found.kind ? reply.execution : -1;
  };
  await find([input]);
  const ms = broke ? MINIMISE_HANGING_MS : MINIMISE_MS;
  return keep(target, options.into, found.kind, await minimise(input, find, ms));
}
