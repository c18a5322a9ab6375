// Two sockets joined into one: bytes of each go to the other, an end of one is an end of the other after all
// bytes before it, a reset is a reset. Each direction reads no faster than its other side takes.
//
//   client --- Flow up ---> upstream          FIN after bytes, the other flow goes on
//   client <-- Flow down -- upstream          RST at once, both are over
//
// This is the hot path of TCP: per piece no promise, no closure and, where the kernel takes it at once, nothing
// that is kept.

import type { Socket } from 'node:net';
import { abortConnection } from '../../core/connection-below.ts';
import type { Incoming } from './dial.ts';

export type Side = 'client' | 'upstream';

/** How a tunnel ended: whose end or reset it was. */
export interface TunnelEnd {
  readonly by: Side;
  readonly reset: boolean;
}

export interface TunnelHandler {
  /** So many bytes came from there and are on their way to the other side. */
  onBytes(from: Side, bytes: number): void;
  onPaused(reading: Side): void;
  onResumed(reading: Side): void;
  /** Once; both sockets are over. Not called after `destroy`. */
  onOver(end: TunnelEnd): void;
}

/** Keeps what is written beyond a read whose memory is used again. */
export interface PieceMemory {
  keep(piece: Buffer): Buffer;
  /** It was written, nobody looks at it any more. */
  giveBack(piece: Buffer): void;
}

export interface TunnelOptions {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly fromClient: Incoming;
  readonly fromUpstream: Incoming;
  readonly memory: PieceMemory;
  /** Bytes that may wait to be written, in each direction, before reading stops. */
  readonly bufferLimit: number;
}

/** Larger pieces give their memory back when they are written. */
const LARGE_PIECE = 4 * 1024;
const NOTHING = Buffer.alloc(0);

export class Tunnel {
  readonly #handler: TunnelHandler;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #up: Flow;
  readonly #down: Flow;
  #closed = 0;
  #lastEnd: Side = 'client';
  #over = false;

  constructor(options: TunnelOptions, handler: TunnelHandler) {
    const { client, upstream, fromClient, fromUpstream, memory, bufferLimit } = options;
    this.#handler = handler;
    this.#client = client;
    this.#upstream = upstream;
    this.#up = new Flow('client', client, upstream, memory, bufferLimit, handler);
    this.#down = new Flow('upstream', upstream, client, memory, bufferLimit, handler);
    this.#follow('client', client, this.#up, this.#down);
    this.#follow('upstream', upstream, this.#down, this.#up);
    fromClient.onBytes(this.#up.take);
    fromUpstream.onBytes(this.#down.take);
    client.resume();
    upstream.resume();
  }

  /** `out`: what it sends on; `in`: what is sent to it. */
  #follow(side: Side, socket: Socket, out: Flow, into: Flow): void {
    const onEnd = () => {
      this.#lastEnd = side;
      out.end();
    };
    // Whoever ended without a word, before there was an upstream, does not say so again.
    if (socket.readableEnded) onEnd();
    else socket.on('end', onEnd);
    socket.on('drain', into.drained);
    socket.on('error', () => this.#cut({ by: side, reset: true }));
    socket.on('close', () => this.#onClose(side, out));
  }

  /** Both ended and everything was taken, or one went without a word. */
  #onClose(side: Side, out: Flow): void {
    if (this.#over) return;
    if (!out.ended) this.#cut({ by: side, reset: true });
    else if (++this.#closed === 2) this.#finish({ by: this.#lastEnd, reset: false });
  }

  #cut(end: TunnelEnd): void {
    if (this.#over) return;
    abortConnection(end.by === 'client' ? this.#upstream : this.#client);
    (end.by === 'client' ? this.#client : this.#upstream).destroy();
    this.#finish(end);
  }

  #finish(end: TunnelEnd): void {
    this.#over = true;
    this.#handler.onOver(end);
  }

  /** Ends both at once, from our side. */
  destroy(): void {
    this.#over = true;
    this.#client.destroy();
    this.#upstream.destroy();
  }
}

/** One direction. */
class Flow {
  ended = false;
  #paused = false;
  /** Large pieces under way, in order. */
  readonly #written: Buffer[] = [];
  readonly #side: Side;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #memory: PieceMemory;
  readonly #limit: number;
  readonly #handler: TunnelHandler;

  constructor(side: Side, from: Socket, to: Socket, memory: PieceMemory, bufferLimit: number, handler: TunnelHandler) {
    this.#side = side;
    this.#from = from;
    this.#to = to;
    this.#memory = memory;
    // At its own mark a socket tells when it has drained.
    this.#limit = Math.max(Math.min(bufferLimit, to.writableHighWaterMark), 1);
    this.#handler = handler;
  }

  readonly take = (bytes: Buffer): void => {
    const to = this.#to;
    if (to.destroyed || to.writableEnded) return;
    this.#handler.onBytes(this.#side, bytes.length);
    const piece = this.#memory.keep(bytes);
    if (piece.length > LARGE_PIECE) {
      this.#written.push(piece);
      to.write(piece, this.#onWritten);
    } else to.write(piece);
    if (to.writableLength >= this.#limit) this.#pause();
  };

  /** Writes end in their order. */
  readonly #onWritten = (): void => {
    const piece = this.#written.shift();
    if (piece !== undefined) this.#memory.giveBack(piece);
  };

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#from.pause();
    this.#handler.onPaused(this.#side);
    // Below its mark a socket does not say when it has drained: an empty piece behind the others does.
    if (!this.#to.writableNeedDrain) this.#to.write(NOTHING, this.drained);
  }

  readonly drained = (): void => {
    if (!this.#paused) return;
    this.#paused = false;
    this.#handler.onResumed(this.#side);
    this.#from.resume();
  };

  end(): void {
    this.ended = true;
    this.#to.end();
  }
}
