// Executions in a row: makes the input of each number, runs it, and notes what became of it.

import { checkNoNewMembers, checkNothingReplaced } from './pollution.ts';
import { Random } from './random.ts';
import { judge, type Target, type Violation, type Verdict } from './target.ts';

/** Every so many-th execution is thorough. */
const THOROUGH = 8;
/** Every so many-th execution all shared objects are compared. */
const COMPARED = 1024;

export interface Found {
  readonly kind: string;
  readonly message: string;
  /** Number of the first execution that showed it. */
  readonly execution: number;
  count: number;
}

/** The execution that took longest, by the processor's time for all that was asked of its input. */
export interface Longest {
  readonly ms: number;
  readonly execution: number;
}

export interface Tally {
  readonly outcomes: Map<string, number>;
  /** By kind. */
  readonly found: Map<string, Found>;
  longest: Longest;
}

export function newTally(): Tally {
  return { outcomes: new Map(), found: new Map(), longest: { ms: 0, execution: 0 } };
}

export function longer(one: Longest, other: Longest): Longest {
  return other.ms > one.ms ? other : one;
}

export function inputOf(target: Target, seed: number, execution: number, seeds: readonly Buffer[]): Buffer {
  return target.generate(new Random(seed, execution), seeds);
}

export function variantOf(target: Target, execution: number): number {
  return execution % target.variants;
}

/** Runs one number and adds it to the tally. */
export function execute(target: Target, seed: number, execution: number, seeds: readonly Buffer[], tally: Tally): void {
  const input = inputOf(target, seed, execution, seeds);
  const before = process.threadCpuUsage();
  const verdict = judgeCleanly(target, input, variantOf(target, execution), execution);
  const { user, system } = process.threadCpuUsage(before);
  tally.longest = longer(tally.longest, { ms: (user + system) / 1000, execution });
  if (verdict.ok) tally.outcomes.set(verdict.outcome, (tally.outcomes.get(verdict.outcome) ?? 0) + 1);
  else note(tally, verdict.kind, verdict.message, execution);
}

/** With a look at what all objects share. */
function judgeCleanly(target: Target, input: Buffer, variant: number, execution: number): Verdict {
  const effort = Math.floor(execution / target.variants) % THOROUGH === 0 ? 'thorough' : 'quick';
  const verdict = judge(target, input, variant, effort);
  try {
    checkNoNewMembers();
    if (execution % COMPARED === 0) checkNothingReplaced();
  } catch (error) {
    const { kind, message } = error as Violation;
    return { ok: false, kind, message };
  }
  return verdict;
}

export function note(tally: Tally, kind: string, message: string, execution: number, count = 1): void {
  const known = tally.found.get(kind);
  if (known === undefined) tally.found.set(kind, { kind, message, execution, count });
  else known.count += count;
}
