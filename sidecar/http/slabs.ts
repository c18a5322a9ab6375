// Memory for large pieces of body, used again and again. A proxy moves gigabytes; memory asked for anew per
// read would have to be collected as fast as it flows (measured: half of all processor time with answers of
// 1 MiB). A slab is lent with a piece, and comes back when the piece was written. One that never comes back,
// because its exchange was cut off, is collected like any other.
//
// Small pieces are not copied at all where they are used up at once. Their memory is that of the read, which the
// next one overwrites: whoever keeps a piece asks for `kept` first.

import { usedUp } from '../../core/young-garbage.ts';

export const SLAB_BYTES = 64 * 1024;
/** Slabs kept for later; more are let go. */
const MOST_FREE = 32;

/** Up to here Node cuts copies out of a pool of its own. */
const SMALL_PIECE = 4 * 1024;

const free: Buffer[] = [];
/** Memory that the next read overwrites. */
const overwritten = new WeakSet<ArrayBufferLike>();
/** The memory of slabs, and whether it is lent at the moment. */
const lent = new WeakMap<ArrayBufferLike, boolean>();

/** A copy of a piece of up to 64 KiB, in a slab. */
export function copyToSlab(piece: Buffer): Buffer {
  if (piece.length > SLAB_BYTES) return Buffer.from(piece);
  const slab = newSlab();
  piece.copy(slab, 0);
  return slab.subarray(0, piece.length);
}

/** A whole slab, lent. */
export function newSlab(): Buffer {
  const slab = free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  lent.set(slab.buffer, true);
  return slab;
}

/** Pieces of this memory hold only until the next read. */
export function markOverwritten(memory: Buffer): void {
  overwritten.add(memory.buffer);
}

/** Hands over memory that is used again when `use` returns: whoever keeps of it copies it. */
export function withLent(memory: Buffer, use: () => void): void {
  overwritten.add(memory.buffer);
  use();
  overwritten.delete(memory.buffer);
}

/** The piece, or a copy where its memory is about to be overwritten. */
export function kept(piece: Buffer): Buffer {
  if (!overwritten.has(piece.buffer)) return piece;
  return piece.length > SMALL_PIECE ? copyToSlab(piece) : Buffer.from(piece);
}

/** The piece, or a copy of its own where its memory is about to be overwritten: for keeping it beyond a write. */
export function ownCopy<P extends Buffer | string>(piece: P): P | Buffer {
  return typeof piece === 'string' || !overwritten.has(piece.buffer) ? piece : Buffer.from(piece);
}

/** Shorter reads are left to the collector: letting go of each costs more than it frees. */
const SMALL_READ = 16 * 1024;

/**
 * Hands over what was read, and lets go of its memory at once when `use` returns. Memory of reads is outside the
 * heap, so the collector sees little reason to run: without this a proxy that takes large bodies holds some 50 MB
 * of reads that were used up long ago. Node cuts the next read, of any socket, from the memory that one left over:
 * only memory that is full is let go of.
 */
export function lend(bytes: Buffer, use: (bytes: Buffer) => void): void {
  const memory = bytes.buffer;
  if (bytes.length < SMALL_READ || bytes.length < memory.byteLength || !(memory instanceof ArrayBuffer)) {
    const { length } = bytes;
    use(bytes);
    usedUp(length);
    return;
  }
  overwritten.add(memory);
  use(bytes);
  memory.transfer(0);
}

/** A piece that was written on as it was read: a slab comes back, memory of a read that is full of it is let go. */
export function letGo(piece: Buffer): void {
  if (isSlab(piece)) {
    giveBack(piece);
    return;
  }
  const memory = piece.buffer;
  if (piece.length < SMALL_READ || piece.length < memory.byteLength || !(memory instanceof ArrayBuffer)) return;
  memory.transfer(0);
}

/** Whether the piece lies in a slab that has to be given back. */
export function isSlab(piece: Buffer): boolean {
  return lent.get(piece.buffer) === true;
}

/** The piece was written and nobody looks at it any more. */
export function giveBack(piece: Buffer): void {
  if (lent.get(piece.buffer) !== true) return;
  lent.set(piece.buffer, false);
  if (free.length < MOST_FREE) free.push(Buffer.from(piece.buffer));
}
