// What a fuzz target is: a maker of inputs, and a run of one input through every property.

import type { Random } from './random.ts';

export const TARGET_NAMES = [
  'h1-request',
  'h1-response',
  'hpack',
  'h2-frames',
  'first-bytes',
  'xds-decode',
  'mesh-yaml',
  'bootstrap',
] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface Target {
  readonly name: TargetName;
  /** Of the files that hold its inputs. */
  readonly extension: string;
  /** What an execution may take for every KiB of its input, over SLOW_MS. */
  readonly msPerKib: number;
  /** In so many ways one input is run (options, roles); an execution takes one of them, a seed all. */
  readonly variants: number;
  /** A new input; `seeds` are the kept ones, to build on. */
  generate(random: Random, seeds: readonly Buffer[]): Buffer;
  /** Throws a Violation where a property does not hold. Returns in a word what became of the input. */
  run(input: Buffer, variant: number, effort: Effort): string;
}

/** `thorough`: also what takes longer, such as a delivery byte by byte. `full`: whatever can be asked of one input. */
export type Effort = 'quick' | 'thorough' | 'full';

/** A property that does not hold. `kind` is the same for findings with one cause. */
export class Violation extends Error {
  readonly kind: string;

  constructor(kind: string, detail = '') {
    super(detail === '' ? kind : `${kind}: ${detail}`);
    this.name = 'Violation';
    this.kind = kind;
  }
}

/** What an input did wrong, or what became of it. */
export type Verdict =
  | { readonly ok: true; readonly outcome: string }
  | { readonly ok: false; readonly kind: string; readonly message: string };

/** A long time for one execution of a small input. */
const SLOW_MS = 100;
/** Slow is what is slow each time, or by far. */
const TRIES = 3;
const BY_FAR = 10;

/** Runs one input. Nothing that it throws gets further than the verdict. */
export function judge(target: Target, input: Buffer, variant: number, effort: Effort): Verdict {
  const limit = SLOW_MS + (input.length / 1024) * target.msPerKib;
  const started = performance.now();
  const verdict = attempt(target, input, variant, effort);
  if (!verdict.ok || performance.now() - started <= limit) return verdict;
  const fastest = fastestMs(() => attempt(target, input, variant, effort), limit);
  if (fastest <= limit) return verdict;
  const kind = `slow, ${verdict.outcome}`;
  return { ok: false, kind, message: `${kind}: ${Math.round(fastest)} ms for ${input.length} bytes` };
}

/** Of some tries, by the time that this thread had the processor: others may need it too. */
function fastestMs(run: () => unknown, limit: number): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES && fastest > limit; i++) {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1000);
    if (fastest > BY_FAR * limit) break;
  }
  return fastest;
}

function attempt(target: Target, input: Buffer, variant: number, effort: Effort): Verdict {
  try {
    return { ok: true, outcome: target.run(input, variant, effort) };
  } catch (error) {
    return { ok: false, ...describe(error) };
  }
}

function describe(error: unknown): { kind: string; message: string } {
  if (error instanceof Violation) return { kind: error.kind, message: error.message };
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const place = /at .*?\/((?:core|discovery|sidecar|proto|test|node_modules)\/[^:)]+)/.exec(stack ?? '')?.[1] ?? '';
  return { kind: `threw ${name} in ${place}`, message: `threw ${name}: ${message} (${place})\n${stack ?? ''}` };
}
