// What Node is told when a program of ours is started; the checkout's script and the image say the same.
//
// V8 gives young objects up to three times 16 MB. A sidecar that is asked little fills that in the course of an hour,
// and one that is asked much walks through all of it again and again, where no cache can hold it. What is alive of a
// request at a collection is some kilobytes: with 8 MB a request costs the same. With 4 it does too, but ten
// thousand endpoints that arrive at once are copied over and over while they are made (decision 13).

// And until the program takes the word (cli/main.ts) Node runs so much for each file it loads that V8 wakes a compiler for
// it, of which 2 MB stay; later what is hot is compiled as ever.

// Node's own snapshot, from which it starts 40 ms sooner, is 4 MB of pages that are touched once and stay.

// Compiling what is hot takes up to 10 MB for a moment, and V8 does four functions at once where it is not told
// otherwise, each with memory that its thread keeps.

/** In MB, of V8's three equal parts each. */
const YOUNG_MB = 8;

export const NODE_FLAGS: readonly string[] = [
  // node:sqlite and type stripping announce themselves as experimental.
  '--disable-warning=ExperimentalWarning',
  `--max-semi-space-size=${YOUNG_MB}`,
  '--invocation-count-for-maglev=4000',
  '--no-node-snapshot',
  '--concurrent-turbofan-max-threads=1',
];
