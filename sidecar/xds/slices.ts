// Long work that leaves others their turn: a generator stops wherever it may be interrupted, and goes on after
// the event loop has looked at its sockets and timers.

import type { Clock } from '../../core/clock.ts';
import { compile } from '../../core/compiler.ts';

export type Steps<T> = Generator<void, T>;

/** A slice that has taken this long gives way (milliseconds). */
const SLICE_MS = 4;

/** Runs steps to their end at once. */
export function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Runs steps to their end in slices; rejects with what a step throws. */
export async function inSlices<T>(steps: Steps<T>, clock: Clock): Promise<T> {
  let began = clock.now();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (clock.now() - began < SLICE_MS) continue;
    compile();
    await nextTurn();
    began = clock.now();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
