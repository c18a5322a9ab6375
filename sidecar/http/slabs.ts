// Memory for large pieces of body, used again and again. A proxy moves gigabytes; memory asked for anew per
// read would have to be collected as fast as it flows (measured: half of all processor time with answers of
// 1 MiB). A slab is lent with a piece, and comes back when the piece was written. One that never comes back,
// because its exchange was cut off, is collected like any other.

const SLAB_BYTES = 64 * 1024;
/** Slabs kept for later; more are let go. */
const MOST_FREE = 64;

const free: Buffer[] = [];
/** The memory of slabs, and whether it is lent at the moment. */
const lent = new WeakMap<ArrayBufferLike, boolean>();

/** A copy of a piece of up to 64 KiB, in a slab. */
export function copyToSlab(piece: Buffer): Buffer {
  if (piece.length > SLAB_BYTES) return Buffer.from(piece);
  const slab = free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  lent.set(slab.buffer, true);
  piece.copy(slab, 0);
  return slab.subarray(0, piece.length);
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
