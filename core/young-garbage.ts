// Memory that was read into lies outside the heap. V8 lets go of it with the small object that stands for it, and
// collects small objects when their own room is full: a proxy that moves large bodies fills it so slowly that some
// 60 MB of reads that were used up long ago wait for it. So what was read is counted, and the young part of the
// heap is collected when it is worth it: nearly everything in it is dead, and that takes half a millisecond.

import { setFlagsFromString } from 'node:v8';
import { collector } from './collector.ts';

/** Bytes of reads that may wait (measured: 2 MiB cost what 4 MiB do). */
const MOST_WAITING = 2 * 1024 * 1024;

let waiting = 0;
let collect: ReturnType<typeof collector> | null = null;

/** So many bytes were read into memory that only the collector can let go of, and were used. */
export function usedUp(bytes: number): void {
  waiting += bytes;
  if (waiting < MOST_WAITING) return;
  waiting = 0;
  collect ??= promptCollector();
  collect({ type: 'minor' });
}

/**
 * V8 leaves the letting go of memory to a thread of its own, which may be compiling just then: what was collected
 * stays while more is read (a transfer of 200 MiB grew by 18 MB and more in one start of four, with this in one of
 * twenty). It takes some microseconds here.
 */
function promptCollector(): ReturnType<typeof collector> {
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  return collector();
}
