// How many threads serve: what was asked for, or by default one beside a service and one for each core in
// a gateway.

import { availableParallelism } from 'node:os';
import { UsageError } from './flags.ts';
import type { NodeInfo } from './xds/bootstrap/bootstrap.ts';

/** More than any machine has use for; beyond, the number is a mistake. */
export const MOST_WORKERS = 128;

/** null: nothing was asked for. */
export function readConcurrency(given: string | null): number | null {
  if (given === null) return null;
  const threads = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (threads < 1) throw new UsageError(`--concurrency: "${given}" is not a whole number of 1 and more`);
  if (threads > MOST_WORKERS) throw new UsageError(`--concurrency: ${given} is more than ${MOST_WORKERS}`);
  return threads;
}

/** A sidecar shares its machine with the service; a gateway has it for itself. */
export function defaultConcurrency(node: NodeInfo, cores = availableParallelism()): number {
  return isGateway(node) ? Math.min(cores, MOST_WORKERS) : 1;
}

/** As `fairlead bootstrap --gateway` writes it; whoever does not say so is a sidecar. */
function isGateway({ metadata }: NodeInfo): boolean {
  const own = metadata['fairlead'];
  return typeof own === 'object' && own !== null && !Array.isArray(own) && own['kind'] === 'gateway';
}
