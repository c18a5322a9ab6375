// A socket without a network that behaves like net.Socket with allowHalfOpen, as the codecs see one: data
// flows unless paused, 'drain' follows a write that was too much, 'end' comes after the last data, 'close'
// after everything. Delivery waits for `turn`, so that the order of things is the driver's.

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Violation } from '../target.ts';
import { runTurn } from './turns.ts';

/** More turns than any exchange needs: a codec that always finds something to do. */
const MOST_TURNS = 100_000;
/** Where lent bytes lie: overwritten after each delivery, as by the next read of any connection. */
export const LENT = Buffer.allocUnsafeSlow(64 * 1024);
const OVERWRITTEN = 0xaa;

/** A write that was not consumed yet. */
interface Pending {
  readonly data: Buffer | string;
  readonly asWritten: string;
  readonly done: (() => void) | undefined;
}

export class MemorySocket extends EventEmitter {
  destroyed = false;
  writableEnded = false;
  /** Cut by a reset, not by an orderly end. */
  wasReset = false;
  writableLength = 0;
  written = '';
  readonly remoteAddress = '127.0.0.1';
  #paused = false;
  #incoming: Buffer[] = [];
  #incomingEnded = false;
  #endSaid = false;
  #closeSaid = false;
  #corked = 0;
  #pending: Pending[] = [];
  #take: ((bytes: Buffer) => void) | null = null;
  /** Bytes that may wait before a write says so; the next turn takes all of them. */
  readonly #room: number;

  constructor(room = Number.POSITIVE_INFINITY) {
    super();
    this.#room = room;
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  // What a codec asks of a socket.

  write(data: Buffer | string, how?: string | (() => void)): boolean {
    if (this.destroyed) return false;
    if (this.writableEnded) throw new Violation('written after the end of the socket');
    if (typeof data === 'string' && how !== 'latin1') throw new Violation('text written as other than latin1');
    const asWritten = typeof data === 'string' ? data : data.toString('latin1');
    const done = typeof how === 'function' ? how : undefined;
    this.written += asWritten;
    if (this.#room < Number.POSITIVE_INFINITY) this.#pending.push({ data, asWritten, done });
    else if (done !== undefined) process.nextTick(done);
    if (this.#room < Number.POSITIVE_INFINITY) this.writableLength += data.length;
    return this.writableLength < this.#room;
  }

  get writableNeedDrain(): boolean {
    return this.writableLength >= this.#room;
  }

  get writableCorked(): number {
    return this.#corked;
  }

  cork(): void {
    this.#corked++;
  }

  uncork(): void {
    this.#corked--;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    return this;
  }

  isPaused(): boolean {
    return this.#paused;
  }

  end(): this {
    this.writableEnded = true;
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }

  /** What was written is taken at once. */
  get writableFinished(): boolean {
    return this.writableEnded;
  }

  resetAndDestroy(): this {
    this.wasReset = true;
    return this.destroy();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  // What the peer and the event loop do.

  /** Bytes go to `take` in memory that is used again, not with 'data'. */
  lendTo(take: (bytes: Buffer) => void): void {
    this.#take = take;
  }

  /** The peer sends. */
  feed(bytes: Buffer): void {
    this.#incoming.push(bytes);
  }

  /** The peer sends no more. */
  feedEnd(): void {
    this.#incomingEnded = true;
  }

  /** Delivers what there is, turn by turn, until nothing more happens. */
  settle(): void {
    for (let turns = 0; this.#turn() || runTurn(); turns++) {
      if (turns > MOST_TURNS) throw new Violation('never comes to rest');
    }
  }

  #turn(): boolean {
    if (this.destroyed) return this.#sayClose();
    if (this.writableLength > 0) return this.#drain();
    if (this.#paused) return false;
    const bytes = this.#incoming.shift();
    if (bytes !== undefined) this.#deliver(bytes);
    else if (this.#incomingEnded && !this.#endSaid) {
      this.#endSaid = true;
      this.emit('end');
    } else if (this.#endSaid && this.writableEnded) this.destroyed = true;
    else return false;
    return true;
  }

  #deliver(bytes: Buffer): void {
    if (this.#take === null) {
      // Memory of its own, as of a read: the codec may let go of it.
      this.emit('data', Buffer.from(bytes));
      return;
    }
    for (let at = 0; at < bytes.length && !this.destroyed; at += LENT.length) {
      const end = Math.min(bytes.length, at + LENT.length);
      bytes.copy(LENT, 0, at, end);
      this.#take(LENT.subarray(0, end - at));
      LENT.fill(OVERWRITTEN, 0, end - at);
    }
  }

  #drain(): boolean {
    const full = this.writableNeedDrain;
    const pending = this.#pending;
    this.#pending = [];
    this.writableLength = 0;
    for (const one of pending) consume(one);
    if (full) this.emit('drain');
    return true;
  }

  #sayClose(): boolean {
    if (this.#closeSaid) return false;
    this.#closeSaid = true;
    if (this.#corked !== 0) throw new Violation('left corked');
    this.emit('close');
    return true;
  }
}

/** What was given to the socket is the socket's until it was written. */
function consume({ data, asWritten, done }: Pending): void {
  if (typeof data !== 'string' && data.toString('latin1') !== asWritten)
    throw new Violation('memory changed before it was written');
  done?.();
}
