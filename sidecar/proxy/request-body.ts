// What of a request's body has to be kept: everything while no connection is open, and for as long as the
// request may be tried again, up to the connection's buffer limit. Past it the request is sent once.

import { held } from '../http/held.ts';
import type { HeaderList } from '../http/head.ts';
import { ownCopy } from '../http/slabs.ts';
import type { Piece } from '../http/stream.ts';

export class RequestBody {
  #pieces: Piece[] = [];
  #bytes = 0;
  #ended = false;
  #trailers: HeaderList | null = null;
  #whole = true;
  readonly #limit: number;
  readonly #worth: number;

  /** `worth`: up to so many bytes it is worth keeping for another try; 0: there will be none. */
  constructor(limit: number, worth: number) {
    this.#limit = limit;
    this.#worth = Math.min(worth, limit);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get trailers(): HeaderList | null {
    return this.#trailers;
  }

  get overLimit(): boolean {
    return this.#bytes > this.#limit;
  }

  /** Nothing that came was let go. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Everything that came so far is still here. */
  get replayable(): boolean {
    return this.#whole && this.#worth > 0 && this.#bytes <= this.#worth;
  }

  /** true: with this piece it is too large to be kept for another try. */
  add(chunk: Piece, end: boolean): boolean {
    if (end) this.#ended = true;
    if (chunk.length === 0 || !this.#whole) return false;
    const before = this.overLimit;
    this.#pieces.push(ownCopy(chunk));
    this.#bytes += chunk.length;
    held.add(chunk.length);
    return this.overLimit && !before;
  }

  addTrailers(trailers: HeaderList): void {
    this.#trailers = trailers;
    this.#ended = true;
  }

  /** What a newly opened stream has to be sent first. Kept on only where it may be needed again. */
  take(): readonly Piece[] {
    const pieces = this.#pieces;
    this.trim();
    return pieces;
  }

  /** A piece went straight to an open stream: past its limit, and that of all together, nothing is kept any more. */
  trim(): void {
    if (!this.replayable) this.drop();
    else if (this.#bytes > 0 && held.full) {
      held.dropped();
      this.drop();
    }
  }

  drop(): void {
    this.#whole = false;
    if (this.#bytes === 0) return;
    held.add(-this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
  }
}
