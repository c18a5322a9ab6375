// A connection to an upstream that is nothing but the far side of a CONNECT: no head goes out or comes in. Seen
// from above it is an exchange like any other, whose switch is granted as soon as it is asked for.

import type { Socket } from 'node:net';
import { abortConnection } from '../../core/connection-below.ts';
import { FAILURE, ProxyError } from '../errors.ts';
import type { ClosedBy, IncomingBytes } from './client.ts';
import type { HeaderList, RequestHead, ResponseHead } from './head.ts';
import { held } from './held.ts';
import { writeBody } from './h1/write.ts';
import { lend, markOverwritten } from './slabs.ts';
import { type HttpStream, noBytes, type Piece, type StreamReader } from './stream.ts';

export interface RawClientHandler {
  /** Told once; `by` whom the connection was ended. */
  onOver(by: ClosedBy, during: boolean): void;
  onBytes(received: number): void;
}

const EMPTY = Buffer.alloc(0);

export class RawClient implements HttpStream<RequestHead> {
  readonly wire = noBytes();
  #reader: StreamReader<ResponseHead> | null = null;
  #ended = false;
  #peerEnded = false;
  #over = false;
  /** The client's answer stands; nothing of the upstream's goes before it. */
  #granted = false;
  #paused = false;
  /** Bytes that the upstream does not take. */
  #backlog = 0;
  readonly #socket: Socket;
  readonly #incoming: IncomingBytes;
  readonly #handler: RawClientHandler;

  constructor(socket: Socket, incoming: IncomingBytes, handler: RawClientHandler) {
    this.#socket = socket;
    this.#incoming = incoming;
    this.#handler = handler;
    if (incoming.lent !== null) markOverwritten(incoming.lent);
    socket.pause();
    socket.on('error', (error) => this.#onGone(error.message));
    socket.on('close', () => this.#onGone('the connection closed'));
    socket.on('drain', () => this.#onDrained());
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#reader = reader;
    return this;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Told in the next turn, as no callback runs within a verb. */
  sendHead(): void {
    process.nextTick(grant, this);
  }

  grant(): void {
    if (this.#over) return;
    this.#granted = true;
    this.#reader?.onHead({ status: 101, headers: [], version: 11, wireBytes: 0 }, false, false);
    this.#socket.on('end', () => this.#onEnd());
    const take = (bytes: Buffer) => this.#onBytes(bytes);
    this.#incoming.onBytes(this.#incoming.lent === null ? (bytes) => lend(bytes, take) : take);
    if (!this.#paused) this.#socket.resume();
  }

  #onBytes(bytes: Buffer): void {
    this.#handler.onBytes(bytes.length);
    this.wire.received += bytes.length;
    this.#reader?.onData(bytes, false);
  }

  sendData(chunk: Piece, end: boolean): boolean {
    if (this.#over || this.#ended) return true;
    this.wire.sent += chunk.length;
    const more = chunk.length === 0 || writeBody(this.#socket, '', chunk, '') || this.#backUp();
    if (end) this.#end();
    return more;
  }

  sendTrailers(_trailers: HeaderList): void {
    this.sendData(EMPTY, true);
  }

  #backUp(): false {
    this.#backlog = held.replace(this.#backlog, this.#socket.destroyed ? 0 : this.#socket.writableLength);
    return false;
  }

  #onDrained(): void {
    this.#backlog = held.replace(this.#backlog, 0);
    this.#reader?.onDrain();
  }

  /** Each side ends for itself. */
  #end(): void {
    this.#ended = true;
    this.#socket.end();
    if (this.#peerEnded) this.#finish();
  }

  #onEnd(): void {
    if (this.#over) return;
    const reader = this.#reader;
    this.#peerEnded = true;
    if (this.#ended) this.#finish();
    reader?.onData(EMPTY, true);
  }

  #finish(): void {
    this.#over = true;
    this.#reader = null;
    this.#socket.destroySoon();
    this.#handler.onOver('remote', false);
  }

  reset(_error: ProxyError): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader = null;
    abortConnection(this.#socket);
    this.#handler.onOver('local', true);
  }

  #onGone(why: string): void {
    this.#backlog = held.replace(this.#backlog, 0);
    if (this.#over) return;
    const reader = this.#reader;
    const row = this.#granted ? FAILURE.upstreamClosed : FAILURE.closedAtOnce;
    this.#over = true;
    this.#reader = null;
    this.#socket.destroy();
    reader?.onReset(new ProxyError(row, { context: why }));
    this.#handler.onOver('remote', reader !== null);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#granted) this.#socket.resume();
  }
}

function grant(client: RawClient): void {
  client.grant();
}
