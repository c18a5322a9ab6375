// A long body that is never in memory as a whole: poured out as fast as it is taken, or read at a pace, and
// every byte of it goes through a running hash at both ends.

import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** A prime, so that no buffer's length is a multiple of it and a piece out of place is another piece. */
const BLOCK = 1_048_573;
const PIECE = 64 * 1024;

/** Bytes without a pattern that a buffer could hide in, the same in every run. */
const block = ((): Buffer => {
  const bytes = Buffer.allocUnsafe(BLOCK);
  let state = 1;
  for (let i = 0; i < BLOCK; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 255;
  }
  return bytes;
})();

export interface Pace {
  readonly bytesPerSecond: number;
  /** Afterwards it is read freely. */
  readonly seconds: number;
  /** The slow time is over. */
  readonly onFree: () => void;
}

export interface Body {
  readonly bytes: number;
  readonly digest: string;
}

/** Writes `size` bytes, no faster than they are taken, and ends. */
export async function pour(into: Writable, size: number): Promise<Body> {
  const hash = createHash('sha256');
  for (let at = 0; at < size; ) {
    const start = at % BLOCK;
    const piece = block.subarray(start, start + Math.min(PIECE, size - at));
    hash.update(piece);
    at += piece.length;
    if (!into.write(piece)) await once(into, 'drain');
  }
  into.end();
  return { bytes: size, digest: hash.digest('hex') };
}

/** Reads to the end. */
export function drink(from: Readable, pace: Pace | null): Promise<Body> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    const reading = new Reading(from, hash, pace);
    from.on('data', (piece: Buffer) => reading.onData(piece));
    from.on('end', () => resolve({ bytes: reading.bytes, digest: hash.digest('hex') }));
    from.on('error', reject);
    from.on('close', () => reject(new Error(`the body ended after ${reading.bytes} bytes`)));
  });
}

class Reading {
  bytes = 0;
  readonly #from: Readable;
  readonly #hash: Hash;
  readonly #started = performance.now();
  #pace: Pace | null;

  constructor(from: Readable, hash: Hash, pace: Pace | null) {
    this.#from = from;
    this.#hash = hash;
    this.#pace = pace;
  }

  onData(piece: Buffer): void {
    this.bytes += piece.length;
    this.#hash.update(piece);
    if (this.#pace !== null) this.#keepPace(this.#pace);
  }

  #keepPace({ bytesPerSecond, seconds, onFree }: Pace): void {
    const elapsed = performance.now() - this.#started;
    if (elapsed >= seconds * 1000) {
      this.#pace = null;
      onFree();
      return;
    }
    const ahead = (this.bytes / bytesPerSecond) * 1000 - elapsed;
    if (ahead < 1) return;
    this.#from.pause();
    setTimeout(() => this.#from.resume(), Math.min(ahead, seconds * 1000 - elapsed));
  }
}
