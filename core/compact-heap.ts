// Gives back the memory that a start has used. While modules are loaded and configuration is read, everything
// that V8 allocates stays alive, and it answers by growing the part of the heap for young objects to many times
// of what a proxy at rest needs (measured: 35 MB of 125). Only a collection of the last resort shrinks it.
// Under load the room comes back as it is needed.

import { collector } from './collector.ts';

/** Stops the thread for some 60 ms: for the moment before a program takes its first connection. */
export function compactHeap(): void {
  collector()({ type: 'major', flavor: 'last-resort' });
}
