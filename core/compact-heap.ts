// Gives back the memory that a start has used. While modules are loaded and configuration is read, everything
// that V8 allocates stays alive, and it answers by growing the part of the heap for young objects to many times
// of what a proxy at rest needs (measured: 35 MB of 125). Only a collection of the last resort shrinks it.
// Under load the room is wanted again, and quickly: while it is small, what lives for one request is taken for
// what lives long. So it comes back in one step instead of V8's many.

import { setFlagsFromString } from 'node:v8';
import { collector } from './collector.ts';

/** From the least, 1 MB, to the most that V8 ever gives; where it may have less (node-flags.ts), to that. */
const GROWTH_FACTOR = 16;

/** Stops the thread for some 60 ms: for the moment before a program takes its first connection. */
export function compactHeap(): void {
  setFlagsFromString(`--semi-space-growth-factor=${GROWTH_FACTOR}`);
  collector()({ type: 'major', flavor: 'last-resort' });
}
