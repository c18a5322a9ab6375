// Memory that was read into lies outside the heap. V8 lets go of it with the small object that stands for it, and
// collects small objects when their own room is full: a proxy that moves large bodies fills it so slowly that some
// 60 MB of reads that were used up long ago wait for it. So what was read is counted, and the young part of the
// heap is collected when it is worth it: nearly everything in it is dead, and that takes half a millisecond.

import { collector } from './collector.ts';

/** Bytes of reads that may wait (measured: 16 MiB cost nothing that could be seen, 4 MiB 3 % of a transfer). */
const MOST_WAITING = 4 * 1024 * 1024;

let waiting = 0;
let collect: ReturnType<typeof collector> | null = null;

/** So many bytes were read into memory that only the collector can let go of, and were used. */
export function usedUp(bytes: number): void {
  waiting += bytes;
  if (waiting < MOST_WAITING) return;
  waiting = 0;
  collect ??= collector();
  collect({ type: 'minor' });
}
