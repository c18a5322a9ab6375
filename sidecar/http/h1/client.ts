// One HTTP/1 connection to an upstream: one request at a time, its answer checked as strictly as a
// client's request. What an upstream says wrongly before its head was forwarded is a protocol error, and
// a connection that said anything unexpected is never used again (robustness.md 2.3). Twin of server.ts.

import type { Socket } from 'node:net';
import { abortConnection } from '../../../core/connection-below.ts';
import { FAILURE, type FailureRow, ProxyError } from '../../errors.ts';
import type { ClosedBy, IncomingBytes } from '../client.ts';
import { held } from '../held.ts';
import { field, fields, type HeaderList, type RequestHead, type ResponseHead } from '../head.ts';
import { lend, markOverwritten } from '../slabs.ts';
import type { HttpStream, Piece, StreamReader } from '../stream.ts';
import { ChunkedReader } from './chunked.ts';
import { type ClientConnection, ClientStream } from './client-stream.ts';
import { FAULT, type Fault, scanFault } from './fault.ts';
import type { HeaderCase } from './format.ts';
import { HeadBuffer } from './head-buffer.ts';
import { HeadScan, MORE } from './head-scan.ts';
import { CHUNKED, type HeadLimits, UNTIL_CLOSE } from './fields.ts';
import { type ParsedResponse, parseResponse } from './parse.ts';
import { quickResponse } from './quick.ts';
import { writeBody } from './write.ts';

export interface Http1ClientOptions extends HeadLimits {
  readonly enableTrailers: boolean;
  readonly headerCase: HeaderCase;
  /** The connection is TLS: a body that ends with it needs a close_notify, which Node reports as 'end'. */
  readonly secure: boolean;
}

export interface Http1ClientHandler {
  /** The exchange is over in both directions and another may follow. */
  onFree(): void;
  /** The connection is of no further use; `by` whom it was ended. Told once, during an exchange or after. */
  onOver(by: ClosedBy, during: boolean): void;
  onBytes(received: number): void;
}

const IDLE = 0;
const HEAD = 1;
const BODY = 2;
const CHUNKS = 3;
const TO_END = 4;
const TUNNEL = 5;
const OVER = 6;
/** The answer is complete, the request is still being sent. */
const ANSWERED = 7;
/** A tunnel whose upstream has ended; we still send. */
const TUNNEL_UP = 8;

/** Interim answers before the final one; more is a flood. */
const MAX_INTERIM = 8;
const EMPTY = Buffer.alloc(0);
/** For heads that are whole in one piece of input: used up before anything else is read. */
const SCAN = new HeadScan();

export class Http1Client implements ClientConnection {
  #state = IDLE;
  readonly #head = new HeadBuffer();
  #left = 0;
  #chunks: ChunkedReader | null = null;
  /** Text of the present input from a head on, and where in the input it begins. */
  #window = '';
  #windowAt = 0;
  #interim = 0;
  #close = false;
  #stream: ClientStream | null = null;
  #reader: StreamReader<ResponseHead> | null = null;
  #anyByte = false;
  #reading = false;
  /** The connection is free once the bytes at hand turn out to be no more than the answer. */
  #freed = false;
  /** The head was given with the word that data follows at once. */
  #promised = false;
  #served = 0;
  /** Bytes of requests that the upstream does not take. */
  #backlog = 0;
  readonly #socket: Socket;
  readonly #options: Http1ClientOptions;
  readonly #handler: Http1ClientHandler;

  constructor(socket: Socket, incoming: IncomingBytes, options: Http1ClientOptions, handler: Http1ClientHandler) {
    this.#socket = socket;
    if (incoming.lent !== null) markOverwritten(incoming.lent);
    this.#options = options;
    this.#handler = handler;
    const take = (bytes: Buffer) => this.#onBytes(bytes);
    incoming.onBytes(incoming.lent === null ? (bytes) => lend(bytes, take) : take);
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
    socket.on('drain', () => this.#onDrained());
  }

  /** Exchanges that were completed on this connection. */
  get served(): number {
    return this.#served;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Starts an exchange on an idle connection. */
  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#state = HEAD;
    this.#anyByte = false;
    this.#interim = 0;
    this.#reader = reader;
    this.#stream = new ClientStream(this);
    return this.#stream;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onBytes(bytes: Buffer): void {
    this.#handler.onBytes(bytes.length);
    let at = 0;
    this.#reading = true;
    while (at !== -1 && at < bytes.length) at = this.#step(bytes, at);
    this.#reading = false;
    this.#window = '';
    if (this.#promised) this.#keepPromise();
    if (this.#freed) this.#giveBack();
  }

  /** Nothing of the body was in what came with the head: the head may go. */
  #keepPromise(): void {
    this.#promised = false;
    this.#reader?.onData(EMPTY, false);
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case HEAD:
        return this.#readHead(bytes, at);
      case BODY:
        return this.#readCounted(bytes, at);
      case CHUNKS:
        return this.#readChunks(bytes, at);
      case TO_END:
      case TUNNEL:
        this.#count(bytes.length - at);
        this.#promised = false;
        this.#reader?.onData(at === 0 ? bytes : bytes.subarray(at), false);
        return bytes.length;
      case OVER:
        return bytes.length;
      default:
        // Bytes that no request asked for: whatever they are, the next answer could not be trusted.
        this.#reset(FAILURE.upstreamProtocol, 'bytes that no request asked for', 'local');
        return -1;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    this.#anyByte = true;
    const head = this.#head;
    if (head.length > 0) return this.#continueHead(bytes, at);
    const quick = quickResponse(bytes, at, (this.#stream as ClientStream).method, this.#options);
    if (quick !== null) {
      this.#window = quick.window;
      this.#windowAt = at;
      return this.#onParsed(quick, at + quick.head.wireBytes, bytes.length);
    }
    const { maxHeadersBytes, maxHeadersCount } = this.#options;
    SCAN.reset();
    const wire = SCAN.run(bytes, at, Math.min(bytes.length, at + maxHeadersBytes), maxHeadersCount + 1);
    if (wire === MORE) return this.#continueHead(bytes, at);
    if (wire < 0) return this.#fail(scanFault(wire));
    return this.#onHead(bytes.toString('latin1', at, at + wire), SCAN, wire, at + wire, bytes.length);
  }

  #continueHead(bytes: Buffer, at: number): number {
    const head = this.#head;
    const before = head.length;
    head.append(bytes, at);
    const { maxHeadersBytes, maxHeadersCount } = this.#options;
    const wire = head.look(maxHeadersBytes, maxHeadersCount + 1);
    if (wire === MORE) return head.length > maxHeadersBytes ? this.#fail(FAULT.tooLarge) : -1;
    if (wire < 0) return this.#fail(scanFault(wire));
    const text = head.text(wire);
    const next = this.#onHead(text, head.scan, wire, at + wire - before, bytes.length);
    head.clear();
    return next;
  }

  /** The input goes on at `next`, of `bytes` in all. */
  #onHead(text: string, scan: HeadScan, wire: number, next: number, bytes: number): number {
    const stream = this.#stream as ClientStream;
    const parsed = parseResponse(text, scan, wire, stream.method, this.#options);
    if (!('reason' in parsed)) return this.#onParsed(parsed, next, bytes);
    stream.wire.received += wire;
    return this.#fail(parsed);
  }

  #onParsed(parsed: ParsedResponse, next: number, bytes: number): number {
    const stream = this.#stream as ClientStream;
    stream.wire.received += parsed.head.wireBytes;
    stream.wire.receivedFields += parsed.fieldBytes;
    const { status } = parsed.head;
    if (status === 101) return this.#onSwitch(parsed, stream, next);
    if (status < 200) return this.#onInterim(parsed, stream, next);
    this.#startBody(parsed, next < bytes);
    return next;
  }

  #onInterim(parsed: ParsedResponse, stream: ClientStream, next: number): number {
    if (++this.#interim > MAX_INTERIM) return this.#fail({ ...FAULT.statusLine, reason: 'too many interim answers' });
    // A 100 that nobody asked for is not passed on.
    if (parsed.head.status !== 100 || stream.expectsContinue) this.#reader?.onHead(parsed.head, false, false);
    return this.#state === HEAD ? next : -1;
  }

  #onSwitch(parsed: ParsedResponse, stream: ClientStream, next: number): number {
    if (stream.upgrade === null || parsed.upgrade !== stream.upgrade) {
      return this.#fail({ ...FAULT.statusLine, reason: 'a 101 that was not asked for' });
    }
    if (stream.accept !== null && fields(parsed.head.headers, 'sec-websocket-accept').join() !== stream.accept)
      return this.#fail({ ...FAULT.statusLine, reason: 'a Sec-WebSocket-Accept that does not belong to the key' });
    this.#state = TUNNEL;
    this.#close = true;
    stream.tunnel = true;
    this.#reader?.onHead(parsed.head, false, false);
    return next;
  }

  #startBody(parsed: ParsedResponse, more: boolean): void {
    const { length } = parsed;
    // An upgrade that was declined leaves bytes of unknown meaning behind: the connection is not kept.
    if (parsed.close || (this.#stream as ClientStream).upgrade !== null) this.#close = true;
    this.#left = length;
    if (length === 0) {
      this.#answered();
      this.#deliverHead(parsed.head);
      return;
    }
    this.#state = length === CHUNKED ? CHUNKS : length === UNTIL_CLOSE ? TO_END : BODY;
    this.#chunks = length === CHUNKED ? new ChunkedReader(this.#options) : null;
    this.#promised = more;
    this.#reader?.onHead(parsed.head, false, more);
  }

  /** The head is all of the answer. */
  #deliverHead(head: ResponseHead): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.onHead(head, true, false);
    this.#maybeFree();
  }

  #readCounted(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#count(end - at);
    this.#bodyData(this.#piece(bytes, at, end), this.#left === 0);
    return end;
  }

  /** As text, where all of a small body was read together with its head. */
  #piece(bytes: Buffer, at: number, end: number): Piece {
    const from = at - this.#windowAt;
    const to = end - this.#windowAt;
    if (this.#left === 0 && this.#window !== '' && to <= this.#window.length) return this.#window.slice(from, to);
    return at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
  }

  #readChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks as ChunkedReader;
    // Counted first: the last byte may end the exchange.
    const stream = this.#stream;
    this.#count(bytes.length - at);
    const next = chunks.read(bytes, at, this.#chunkSink);
    if (chunks.fault !== null) return this.#fail(chunks.fault);
    // What follows the answer is none of it.
    if (stream !== null) stream.wire.received -= bytes.length - next;
    return next;
  }

  readonly #chunkSink = {
    onData: (chunk: Buffer, end: boolean) => this.#bodyData(chunk, end),
    onTrailers: (trailers: HeaderList) => {
      if (!this.#options.enableTrailers) {
        this.#bodyData(EMPTY, true);
        return;
      }
      this.#promised = false;
      this.#answered();
      const reader = this.#reader;
      this.#reader = null;
      reader?.onTrailers(trailers);
      this.#maybeFree();
    },
  };

  #count(bytes: number): void {
    if (this.#stream !== null) this.#stream.wire.received += bytes;
  }

  #bodyData(piece: Piece, end: boolean): void {
    this.#promised = false;
    if (!end) {
      this.#reader?.onData(piece, false);
      return;
    }
    this.#answered();
    const reader = this.#reader;
    this.#reader = null;
    reader?.onData(piece, true);
    this.#maybeFree();
  }

  #answered(): void {
    this.#chunks = null;
    this.#served++;
    this.#state = ANSWERED;
  }

  /** Both directions done: the connection goes back, or ends. */
  #maybeFree(): void {
    const stream = this.#stream;
    if (this.#state !== ANSWERED || stream === null) return;
    const complete = stream.sent;
    stream.detach();
    this.#stream = null;
    this.#state = IDLE;
    if (complete && !this.#close) {
      this.#freed = true;
      if (!this.#reading) this.#giveBack();
      return;
    }
    // An answer that came before its request was sent whole: the rest will never be sent.
    this.#state = OVER;
    this.#socket.destroy();
    this.#handler.onOver('local', false);
  }

  /** What follows an answer at once came before the next request, and must not become its answer. */
  #giveBack(): void {
    this.#freed = false;
    if (this.#state === IDLE) this.#handler.onFree();
  }

  #fail(fault: Fault): number {
    this.#reset(this.#state === HEAD ? FAILURE.upstreamProtocol : FAILURE.upstreamCut, fault.reason, 'local');
    return -1;
  }

  #reset(row: FailureRow, context: string, by: ClosedBy, cause?: unknown): void {
    const reader = this.#reader;
    this.#reader = null;
    this.#stream?.detach();
    this.#stream = null;
    const before = this.#state;
    // A tunnel that is broken off must not look like one that has ended.
    if (this.#inTunnel) abortConnection(this.#socket);
    else this.#socket.destroy();
    this.#state = OVER;
    reader?.onReset(new ProxyError(row, { context, cause }));
    if (before !== OVER) this.#handler.onOver(by, before !== IDLE);
  }

  #onEnd(): void {
    if (this.#state === TUNNEL) this.#onTunnelEnd(this.#stream as ClientStream);
    else if (this.#state === TO_END) {
      this.#close = true;
      this.#bodyData(EMPTY, true);
    } else if (this.#state !== TUNNEL_UP) this.#onCutShort();
  }

  /** Each side of a tunnel ends for itself. */
  #onTunnelEnd(stream: ClientStream): void {
    const reader = this.#reader;
    this.#state = TUNNEL_UP;
    if (stream.sent) this.#tunnelOver();
    reader?.onData(EMPTY, true);
  }

  /** Both sides have said all. What was written last still goes out. */
  #tunnelOver(): void {
    this.#stream?.detach();
    this.#stream = null;
    this.#reader = null;
    this.#state = OVER;
    this.#socket.destroySoon();
    this.#handler.onOver('remote', false);
  }

  #onCutShort(): void {
    this.#reset(this.#closedRow(), 'the upstream closed the connection', 'remote');
  }

  get #inTunnel(): boolean {
    return this.#state === TUNNEL || this.#state === TUNNEL_UP;
  }

  #closedRow(): FailureRow {
    if (this.#inTunnel) return FAILURE.upstreamClosed;
    if (this.#state !== HEAD) return FAILURE.upstreamCut;
    if (this.#anyByte) return FAILURE.upstreamProtocol;
    return this.#served > 0 ? FAILURE.reusedClosed : FAILURE.upstreamClosed;
  }

  #onError(error: Error): void {
    this.#reset(this.#closedRow(), error.message, 'remote', error);
  }

  #onClose(): void {
    this.#backlog = held.replace(this.#backlog, 0);
    this.#reset(this.#closedRow(), 'the connection closed', 'remote');
  }

  // What a stream asks of its connection.

  framing(stream: ClientStream, head: RequestHead, end: boolean): string {
    if (stream.upgrade !== null) return `connection: upgrade\r\n`;
    if (field(head.headers, 'content-length') !== null) return '';
    if (end)
      return head.method === 'POST' || head.method === 'PUT' || head.method === 'PATCH' || head.method === 'OPTIONS'
        ? 'content-length: 0\r\n'
        : '';
    stream.chunked = true;
    return 'transfer-encoding: chunked\r\n';
  }

  write(text: string): boolean {
    return this.#socket.write(text, 'latin1');
  }

  writeBody(before: string, chunk: Piece, after: string): boolean {
    return writeBody(this.#socket, before, chunk, after) || this.#backUp();
  }

  #backUp(): false {
    this.#backlog = held.replace(this.#backlog, this.#socket.destroyed ? 0 : this.#socket.writableLength);
    return false;
  }

  #onDrained(): void {
    this.#backlog = held.replace(this.#backlog, 0);
    this.#stream?.drained();
  }

  halfClose(): void {
    if (this.#state === TUNNEL_UP) this.#tunnelOver();
    else this.#socket.end();
  }

  requestSent(): void {
    this.#maybeFree();
  }

  cancel(): void {
    this.#reader = null;
    this.#reset(FAILURE.downstreamGone, 'cancelled', 'local');
  }

  drainedReader(): void {
    this.#reader?.onDrain();
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  get headerCase(): HeaderCase {
    return this.#options.headerCase;
  }

  get trailersEnabled(): boolean {
    return this.#options.enableTrailers;
  }
}
