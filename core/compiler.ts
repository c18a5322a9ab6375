// How V8 compiles the path of a request.
//
// It stops putting called functions into their caller at a size that suits pages; a request passes through a hundred
// small functions, each of which is called from one place. With more room they become a few large ones (measured: 8 %
// less time in our own code, 3 to 5 % of all).
//
// And it lets compiled code make objects straight in the old part of the heap where most of those that the same place
// made before were still alive at a collection. While a program starts that is true of nearly all, and under load it
// looks so whenever collections follow closely on one another. For a proxy it is never right: one such object of a
// request is dead soon, stays until all of the heap is collected, and holds all of the request's young objects for so
// long (measured: one process in five came to keep 85 % at each collection, and cost twice as much from then on).

import { setFlagsFromString } from 'node:v8';

/** Of bytecode, in bytes: what one function may take in altogether, and the largest that it takes in. */
const MOST_INLINED = 4000;
const LARGEST_INLINED = 1000;

/** For the start of a program that carries traffic, before anything is hot; holds for all threads. */
export function tuneCompiler(): void {
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${MOST_INLINED}`);
  setFlagsFromString(`--max-inlined-bytecode-size=${LARGEST_INLINED}`);
  setFlagsFromString('--no-allocation-site-pretenuring');
}

/** V8's own; more while a program starts (node-flags.ts). */
const CALLS_BEFORE_MAGLEV = 400;

let compiles = false;

/**
 * The end of what cli/main.ts begins, in which nothing is compiled. Holds for all threads; it has to come before another
 * one is made, whose part of Maglev would otherwise stay off. Where connections are taken it comes before the first: what
 * traffic makes hot is compiled bit by bit then, and not all at once under the first large transfer.
 */
export function compile(): void {
  if (compiles) return;
  compiles = true;
  setFlagsFromString(`--invocation-count-for-maglev=${CALLS_BEFORE_MAGLEV}`);
  for (const name of ['sparkplug', 'maglev', 'turbofan']) setFlagsFromString(`--${name}`);
}
