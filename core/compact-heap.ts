// Gives back the memory that a start has used. While modules are loaded and configuration is read, everything
// that V8 allocates stays alive, and it answers by growing the part of the heap for young objects to many times
// of what a proxy at rest needs (measured: 35 MB of 125). Only a collection of the last resort shrinks it.
// Under load some of the room is wanted again, and comes back in two steps. How much was measured: collected by
// one thread, the 8 MB that the launcher asks for (--max-semi-space-size) cost no more than 16 MB. By several, as
// V8 has it, small ones cost 2 us a request and large ones pauses: the others have to be woken, and on a core
// that is busy they are waited for.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major'; flavor: 'last-resort' }) => void;

/** From the least, 1 MB, to the most there is. */
const GROWTH_FACTOR = 4;

/** Stops the thread for some 60 ms: for the moment before a program takes its first connection. */
export function compactHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  setFlagsFromString(`--semi-space-growth-factor=${GROWTH_FACTOR}`);
  setFlagsFromString('--no-parallel-scavenge');
  collect({ type: 'major', flavor: 'last-resort' });
}
