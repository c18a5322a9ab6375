// How many bytes of bodies may wait in the process: what was asked for, or a share of the memory there is.

import { totalmem } from 'node:os';
import { UsageError } from './flags.ts';

const MIB = 1024 * 1024;
/** The rest is for the program itself, its heap, and what the system needs for sockets. */
const SHARE = 1 / 4;

/** null: nothing was asked for. */
export function readMaxBuffered(given: string | null): number | null {
  if (given === null) return null;
  const mib = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (mib < 1) throw new UsageError(`--max-buffered-mib: "${given}" is not a whole number of 1 and more`);
  return mib * MIB;
}

/** `constrained`: what the control group grants; 0 or more than the machine has: no constraint. */
export function defaultMaxBuffered(machine = totalmem(), constrained = process.constrainedMemory()): number {
  const memory = constrained > 0 ? Math.min(machine, constrained) : machine;
  return Math.floor(memory * SHARE);
}
