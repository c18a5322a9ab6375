// What an HTTP/2 connection sends. Frames gather in memory, and go out in one write per turn of the event
// loop: everybody's answers of one turn share a system call, and over TLS a record.

import type { Socket } from 'node:net';
import { held } from '../held.ts';

const SLAB_BYTES = 64 * 1024;
/** Slabs kept for later; more are let go. */
const MOST_FREE = 16;

/** Memory for frames, given back when it was written. */
class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** The callback of its write: made once, and not with every write. */
  readonly written = (): void => {
    if (free.length < MOST_FREE) free.push(this);
  };
}

const free: Slab[] = [];

export interface OutputOwner {
  /** The turn ends: the last occasion to add frames to it. */
  onTurn(): void;
  /** The peer takes bytes again. */
  onDrained(): void;
}

export class Output {
  #slab: Slab | null = null;
  #at = 0;
  #scheduled = false;
  #blocked = false;
  #closed = false;
  /** Bytes that the peer does not take. */
  #backlog = 0;
  readonly #socket: Socket;
  readonly #owner: OutputOwner;

  constructor(socket: Socket, owner: OutputOwner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.on('drain', () => this.#onDrain());
  }

  /** The peer does not take what was written: what can wait should. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Where the next frame goes: `bytes` from `at` on have room for `length`. */
  room(length: number): Buffer {
    if (this.#slab !== null && this.#at + length <= SLAB_BYTES) return this.#slab.bytes;
    this.#write();
    this.#slab = free.pop() ?? new Slab();
    return this.#slab.bytes;
  }

  get at(): number {
    return this.#at;
  }

  /** What was written behind `at` ends here. */
  commit(end: number): void {
    this.#at = end;
    this.wake();
  }

  /** Bytes that fit into no slab: a very long head. */
  large(bytes: Buffer): void {
    this.#write();
    if (!this.#closed && !this.#socket.write(bytes)) this.#block();
  }

  /** Makes sure that the turn ends with `onTurn`. */
  wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(endTurn, this);
  }

  endTurn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    this.#owner.onTurn();
    this.#write();
  }

  #write(): void {
    const slab = this.#slab;
    const length = this.#at;
    this.#slab = null;
    this.#at = 0;
    if (slab === null) return;
    if (this.#closed || length === 0) slab.written();
    else if (!this.#socket.write(slab.bytes.subarray(0, length), slab.written)) this.#block();
  }

  #block(): void {
    this.#blocked = true;
    this.#backlog = held.replace(this.#backlog, this.#socket.destroyed ? 0 : this.#socket.writableLength);
  }

  #onDrain(): void {
    this.#blocked = false;
    this.#backlog = held.replace(this.#backlog, 0);
    this.#owner.onDrained();
  }

  /** Says what is left and ends our side. */
  end(): void {
    this.#write();
    this.#closed = true;
    this.#socket.end();
  }

  /** The socket is gone. */
  close(): void {
    this.#closed = true;
    this.#write();
    this.#backlog = held.replace(this.#backlog, 0);
  }
}

function endTurn(output: Output): void {
  output.endTurn();
}
