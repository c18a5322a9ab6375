// The thread in which inputs are run, so that one which never ends can be ended from outside. Says the
// number of an execution before it begins; answers each request with one reply.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { execute, type Found, type Longest, newTally } from './executions.ts';
import { readMaterial } from './seeds.ts';
import { judge, type TargetName } from './target.ts';
import { targetOf } from './targets.ts';

export interface WorkerData {
  readonly target: TargetName;
  readonly seed: number;
  /** One number: the execution under way, or the place of the input in a request to find one. */
  readonly now: SharedArrayBuffer;
}

export type Request =
  | { readonly do: 'run'; readonly from: number; readonly to: number }
  /** Which of these inputs shows a finding of this kind? */
  | { readonly do: 'find'; readonly inputs: readonly Uint8Array[]; readonly variant: number; readonly kind: string };

export type Reply =
  | {
      readonly did: 'run';
      /** The first number that was not run. */
      readonly next: number;
      readonly outcomes: ReadonlyMap<string, number>;
      readonly found: ReadonlyMap<string, Found>;
      readonly longest: Longest;
      /** Bytes in use after a collection of garbage; 0: not looked at. */
      readonly heap: number;
    }
  | { readonly did: 'find'; readonly index: number };

/** After so long a reply is due. */
const BATCH_MS = 500;
/** Garbage is collected, and memory looked at, every so many batches. */
const BATCHES_TO_LOOK = 10;

// What an input becomes does not depend on the machine's variables; and the yaml package looks for one of its
// own at every token, which in the real ones takes a quarter of its time.
process.env = {};

const { target: name, seed, now } = workerData as WorkerData;
const target = targetOf(name);
const seeds = readMaterial(name);
const current = new Int32Array(now);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
let batches = 0;

parentPort?.on('message', (request: Request) => {
  parentPort?.postMessage(request.do === 'run' ? run(request.from, request.to) : find(request));
});

function run(from: number, to: number): Reply {
  const tally = newTally();
  const started = performance.now();
  let next = from;
  while (next < to && performance.now() - started < BATCH_MS) {
    Atomics.store(current, 0, next);
    execute(target, seed, next, seeds, tally);
    next++;
  }
  return { did: 'run', next, ...tally, heap: ++batches % BATCHES_TO_LOOK === 0 ? heapInUse() : 0 };
}

function heapInUse(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function find({ inputs, variant, kind }: Extract<Request, { do: 'find' }>): Reply {
  const index = inputs.findIndex((input, i) => {
    Atomics.store(current, 0, i);
    const verdict = judge(target, Buffer.from(input), variant, 'full');
    return !verdict.ok && verdict.kind === kind;
  });
  return { did: 'find', index };
}
