// Huffman-coded strings to bytes, a whole byte at a step: a state is a node of the code's tree, and a table
// says for each state and byte which symbols come out (two at most, since no code is shorter than 5 bits) and
// where that leads. 256 KiB, of which text uses some rows only.

import { CODE_LENGTHS, CODES, END_OF_STRING } from './huffman-code.ts';

/** A step: next state in bits 0-7, first symbol 8-15, second 16-23, how many 24-25, and two marks. */
const SYMBOL_1 = 8;
const SYMBOL_2 = 16;
const COUNT = 24;
/** The string may end here: what is left are ones, fewer than 8. */
const MAY_END = 1 << 26;
/** The code of the end of the string was in it, which is an error (RFC 7541 5.2). */
const FAILS = 1 << 27;

/** Inner nodes of the tree, two numbers each: a node, or below 0 the symbol -1 - n. */
const TREE = treeOf();
/** Made with the first string that is decoded: half a million steps, and nothing for who speaks no HTTP/2. */
let steps: Int32Array | null = null;

/** The longest that `wire` bytes can become. */
export function mostDecoded(wire: number): number {
  return Math.ceil((wire * 8) / 5);
}

/**
 * Decodes to `out` from `at` on; the end, or -1 for what is no Huffman code. What has no room in `out` is
 * counted and not kept: a typed array takes no notice of what is written past its end.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  const table = steps ?? madeSteps();
  let step = MAY_END;
  for (let i = start; i < end; i++) {
    step = table[((step & 0xff) << 8) | (bytes[i] as number)] as number;
    if ((step & FAILS) !== 0) return -1;
    out[at] = step >>> SYMBOL_1;
    out[at + 1] = step >>> SYMBOL_2;
    at += (step >>> COUNT) & 3;
  }
  return (step & MAY_END) !== 0 ? at : -1;
}

function treeOf(): Int16Array {
  const tree = new Int16Array(2 * END_OF_STRING);
  let nodes = 1;
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    let node = 0;
    for (let bit = (CODE_LENGTHS[symbol] as number) - 1; bit > 0; bit--) {
      const way = 2 * node + bitAt(CODES[symbol] as number, bit);
      if (tree[way] === 0) tree[way] = nodes++;
      node = tree[way] as number;
    }
    tree[2 * node + bitAt(CODES[symbol] as number, 0)] = -1 - symbol;
  }
  return tree;
}

function madeSteps(): Int32Array {
  const endings = endingNodes();
  const made = new Int32Array(256 * 256);
  for (let state = 0; state < 256; state++) {
    for (let byte = 0; byte < 256; byte++) made[(state << 8) | byte] = stepOf(state, byte, endings);
  }
  steps = made;
  return made;
}

function stepOf(state: number, byte: number, endings: ReadonlySet<number>): number {
  let node = state;
  let count = 0;
  let step = 0;
  for (let bit = 7; bit >= 0; bit--) {
    node = TREE[2 * node + bitAt(byte, bit)] as number;
    if (node >= 0) continue;
    const symbol = -1 - node;
    if (symbol === END_OF_STRING) return FAILS;
    step |= symbol << (count++ === 0 ? SYMBOL_1 : SYMBOL_2);
    node = 0;
  }
  return step | node | (count << COUNT) | (endings.has(node) ? MAY_END : 0);
}

/** The root, and what up to 7 ones lead to: padding is the beginning of the code of the end. */
function endingNodes(): Set<number> {
  const endings = new Set([0]);
  let node = 0;
  for (let ones = 1; ones <= 7; ones++) {
    node = TREE[2 * node + 1] as number;
    endings.add(node);
  }
  return endings;
}

function bitAt(bits: number, bit: number): number {
  return (bits >>> bit) & 1;
}
