// One HTTP/1 connection from a client: bytes in, one exchange at a time, answers in order.
//
//   HEAD --> BODY (counted or chunked) --> WAIT (for the answer) --> HEAD ...
//                                   \--> TUNNEL (after 101)          \--> CLOSING
//
// A request that comes while many connections arrive waits in TURN before its HEAD is read (arrivals.ts).
//
// A pipelined request is not parsed before the answer to the one before it is complete, so a bad second
// message can never disturb the first answer. What arrived early waits in `#rest`, up to REST_LIMIT; then
// the socket is paused. Twin of client.ts.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../core/clock.ts';
import { abortConnection } from '../../../core/connection-below.ts';
import { FAILURE, ProxyError } from '../../errors.ts';
import { arrivals, type PutOff } from '../arrivals.ts';
import { EarlyBytes } from '../early-bytes.ts';
import { held } from '../held.ts';
import type { HeaderList, ResponseHead } from '../head.ts';
import type { RequestReader, ServerCodec, ServerHandler } from '../server.ts';
import { lend } from '../slabs.ts';
import type { Piece } from '../stream.ts';
import { frameAnswer } from './answer-framing.ts';
import { ChunkedReader } from './chunked.ts';
import { FAULT, type Fault, scanFault } from './fault.ts';
import type { HeaderCase } from './format.ts';
import { HeadBuffer } from './head-buffer.ts';
import { HeadScan, MORE } from './head-scan.ts';
import { CHUNKED } from './fields.ts';
import { type ParsedRequest, parseRequest } from './parse.ts';
import { quickRequest } from './quick.ts';
import type { Http1ServerOptions } from './server-options.ts';
import { type ServerConnection, ServerStream } from './server-stream.ts';
import { writeBody } from './write.ts';

const HEAD = 0;
const BODY = 1;
const CHUNKS = 2;
const WAIT = 3;
const TUNNEL = 4;
const CLOSING = 5;
const TURN = 6;
/** A tunnel whose client has ended; we still send. */
const TUNNEL_DOWN = 7;

/** Bytes of pipelined requests kept while an answer is under way. */
const REST_LIMIT = 64 * 1024;
/** What is put off is copied; larger input begins at once. */
const MOST_PUT_OFF = 4 * 1024;
/** Bytes of an unwanted request body read past after an early answer, and for how long. */
const DISCARD_LIMIT = 64 * 1024;
const DISCARD_MS = 1000;
const EMPTY = Buffer.alloc(0);
/** For heads that are whole in one piece of input: used up before anything else is read. */
const SCAN = new HeadScan();

export class Http1Server implements ServerConnection, ServerCodec, PutOff {
  #state = HEAD;
  readonly #head = new HeadBuffer();
  #sawCrlf = false;
  #left = 0;
  #chunks: ChunkedReader | null = null;
  readonly #rest = new EarlyBytes(REST_LIMIT);
  /** What came early is too much: the client is not read from. */
  #restIsFull = false;
  /** Bytes of answers that the client does not take. */
  #backlog = 0;
  /** Text of the present input from a head on, and where in the input it begins. */
  #window = '';
  #windowAt = 0;
  #stream: ServerStream | null = null;
  #reader: RequestReader | null = null;
  #requests = 0;
  #closing = false;
  #draining = false;
  #ended = false;
  #byUs = false;
  #cutShort = false;
  /** Our side of a tunnel. */
  #tunnelEnded = false;
  #discarded = 0;
  #paused = false;
  #reading = false;
  #lastActive: number;
  /** A connection that is draining by age takes requests until then. */
  #openUntil = 0;
  #headTimer: Timer | null = null;
  #closeTimer: Timer | null = null;
  #idleTimer: Timer | null = null;
  #lifeTimer: Timer | null = null;
  readonly #socket: Socket;
  readonly #options: Http1ServerOptions;
  readonly #handler: ServerHandler;
  readonly #clock: Clock;

  constructor(socket: Socket, options: Http1ServerOptions, handler: ServerHandler, clock: Clock) {
    this.#socket = socket;
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    this.#lastActive = clock.now();
    const take = (bytes: Buffer) => this.#onBytes(bytes);
    socket.on('data', (bytes: Buffer) => lend(bytes, take));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#onGone(error.message));
    socket.on('close', () => this.#onClose());
    socket.on('drain', () => this.#onDrained());
    this.#armIdle(options.idleTimeoutMs);
    if (options.maxConnectionDurationMs > 0) {
      this.#lifeTimer = clock.after(options.maxConnectionDurationMs, () => this.#tooOld());
    }
  }

  /** No further request after the present one; an idle connection closes after the drain timeout. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#closing = true;
    if (this.#stream === null)
      this.#closeTimer ??= this.#clock.after(this.#options.drainTimeoutMs, () => this.#closeIdle());
  }

  /** The client is told with each answer, and has the drain timeout to go by itself. */
  retire(): void {
    this.#openUntil = this.#clock.now() + this.#options.drainTimeoutMs;
    this.drain();
  }

  /** Ends the connection at once, whatever is under way. */
  destroy(): void {
    this.#byUs = true;
    this.#socket.destroy();
  }

  get idle(): boolean {
    return this.#stream === null;
  }

  /** Bytes that came ahead of the codec, e.g. while the protocol was being detected. */
  accept(bytes: Buffer): void {
    this.#onBytes(bytes);
  }

  #closeIdle(): void {
    this.#closeTimer = null;
    if (this.#stream !== null) return;
    if (this.#openUntil > 0) this.#linger();
    else this.#endSocket();
  }

  /** One timer per connection, set again for what is left when it fires: nothing to do per request. */
  #armIdle(wait: number): void {
    if (this.#options.idleTimeoutMs === 0) return;
    this.#idleTimer = this.#clock.after(wait, () => {
      const left = this.#lastActive + this.#options.idleTimeoutMs - this.#clock.now();
      if (this.#stream !== null) this.#armIdle(this.#options.idleTimeoutMs);
      else if (left > 1) this.#armIdle(left);
      else this.#idleTimeout();
    });
  }

  #idleTimeout(): void {
    this.#handler.onLimit('idle');
    this.retire();
  }

  #tooOld(): void {
    this.#handler.onLimit('duration');
    this.retire();
  }

  #onBytes(bytes: Buffer): void {
    if (this.#state === WAIT || this.#state === TURN) this.#keep(bytes);
    else if (arrivals.crowded && this.#state === HEAD && bytes.length <= MOST_PUT_OFF) this.#putOff(bytes);
    else this.#read(bytes);
  }

  #putOff(bytes: Buffer): void {
    this.#state = TURN;
    this.#keep(bytes);
    arrivals.putOff(this);
  }

  onTurn(): void {
    // The connection may be gone by now.
    if (this.#state !== TURN) return;
    this.#state = HEAD;
    this.#readRest();
  }

  #keep(bytes: Buffer): void {
    this.#rest.append(bytes);
    held.add(bytes.length);
    if (this.#restIsFull || (this.#rest.length < REST_LIMIT && !held.full)) return;
    this.#restIsFull = true;
    this.#handler.onLimit('early-bytes');
    this.#socket.pause();
  }

  #read(bytes: Buffer): void {
    this.#reading = true;
    let at = 0;
    while (at !== -1 && at < bytes.length) {
      switch (this.#state) {
        case HEAD:
          at = this.#readHead(bytes, at);
          break;
        case BODY:
          at = this.#readCounted(bytes, at);
          break;
        case CHUNKS:
          at = this.#readChunks(bytes, at);
          break;
        case TUNNEL:
          this.#count(bytes.length - at);
          this.#reader?.onData(at === 0 ? bytes : bytes.subarray(at), false);
          at = bytes.length;
          break;
        case WAIT:
          this.#keep(bytes.subarray(at));
          at = bytes.length;
          break;
        default:
          at = bytes.length;
      }
    }
    this.#reading = false;
    this.#window = '';
    if (this.#state === HEAD && this.#rest.length > 0) this.#readRest();
  }

  #readRest(): void {
    if (this.#restIsFull) this.#handler.onLimit('early-bytes-read');
    const rest = this.#takeRest();
    if (!this.#paused) this.#socket.resume();
    this.#read(rest);
  }

  #takeRest(): Buffer {
    const rest = this.#rest.take();
    this.#restIsFull = false;
    held.add(-rest.length);
    return rest;
  }

  #readHead(bytes: Buffer, at: number): number {
    if (this.#closing && !this.#draining) {
      this.#state = CLOSING;
      return bytes.length;
    }
    if (this.#head.length > 0) return this.#continueHead(bytes, at);
    at = this.#skipLeadingCrlf(bytes, at);
    if (at >= bytes.length) return bytes.length;
    // A lone CR may be the half of an empty line, with which no request begins.
    if (bytes[at] === 13 && at + 1 === bytes.length && !this.#sawCrlf) {
      this.#head.append(bytes, at);
      return -1;
    }
    if (this.#stream === null) this.#begin();
    const quick = quickRequest(bytes, at, this.#options.scheme, this.#options);
    if (quick !== null) {
      if (quick.length > 0) {
        this.#window = quick.window;
        this.#windowAt = at;
      }
      return this.#onParsed(quick, at + quick.head.wireBytes);
    }
    const { maxHeadersBytes, maxHeadersCount } = this.#options;
    SCAN.reset();
    const wire = SCAN.run(bytes, at, Math.min(bytes.length, at + maxHeadersBytes), maxHeadersCount + 1);
    if (wire === MORE) return this.#continueHead(bytes, at);
    if (wire < 0) return this.#fail(scanFault(wire));
    return this.#onHead(bytes.toString('latin1', at, at + wire), SCAN, wire, at + wire);
  }

  /** At most one empty line before a request (RFC 9112 2.2). A lone CR waits in the head for its LF. */
  #skipLeadingCrlf(bytes: Buffer, at: number): number {
    if (this.#sawCrlf || bytes[at] !== 13 || bytes[at + 1] !== 10) return at;
    this.#sawCrlf = true;
    return at + 2;
  }

  #continueHead(bytes: Buffer, at: number): number {
    const head = this.#head;
    const before = head.length;
    head.append(bytes, at);
    if (head.byte(0) === 13 && head.length >= 2 && !this.#dropSplitCrlf()) return this.#fail(FAULT.requestLine);
    if (head.length === 0) return -1;
    if (this.#stream === null) this.#begin();
    if (head.byte(0) === 13 && head.length < 2) return -1;
    const { maxHeadersBytes, maxHeadersCount } = this.#options;
    const dropped = before + bytes.length - at - head.length;
    const wire = head.look(maxHeadersBytes, maxHeadersCount + 1);
    if (wire === MORE) return head.length > maxHeadersBytes ? this.#fail(FAULT.tooLarge) : -1;
    if (wire < 0) return this.#fail(scanFault(wire));
    const next = this.#onHead(head.text(wire), head.scan, wire, at + wire + dropped - before);
    head.clear();
    return next;
  }

  /** The leading empty line when its two bytes came apart. */
  #dropSplitCrlf(): boolean {
    if (this.#sawCrlf || this.#head.byte(1) !== 10) return false;
    this.#sawCrlf = true;
    this.#head.dropFirst(2);
    return true;
  }

  #begin(): void {
    this.#lastActive = this.#clock.turn();
    this.#closeTimer?.cancel();
    this.#closeTimer = null;
    this.#stream = new ServerStream(this);
    this.#reader = this.#handler.onStream(this.#stream);
    const limit = this.#options.requestHeadersTimeoutMs;
    if (limit > 0) this.#headTimer = this.#clock.deadline(limit, () => this.#headTimeout());
  }

  #headTimeout(): void {
    const row = FAILURE.requestHeadersTimeout;
    this.#fail({
      details: row.details,
      status: row.status,
      reason: 'the head did not arrive in time',
      protocolError: false,
    });
  }

  #onHead(text: string, scan: HeadScan, wire: number, next: number): number {
    const parsed = parseRequest(text, scan, wire, this.#options.scheme, this.#options);
    if (!('reason' in parsed)) return this.#onParsed(parsed, next);
    this.#headRead(wire);
    return this.#fail(parsed);
  }

  #headRead(wire: number): void {
    this.#headTimer?.cancel();
    this.#headTimer = null;
    this.#sawCrlf = false;
    (this.#stream as ServerStream).wire.received = wire;
  }

  #onParsed(parsed: ParsedRequest, next: number): number {
    this.#headRead(parsed.head.wireBytes);
    (this.#stream as ServerStream).wire.receivedFields = parsed.fieldBytes;
    this.#startRequest(parsed);
    return this.#socket.destroyed ? -1 : next;
  }

  #startRequest(parsed: ParsedRequest): void {
    const { head, length } = parsed;
    this.#requests++;
    const last = this.#options.maxRequests > 0 && this.#requests >= this.#options.maxRequests;
    if (last) this.#handler.onLimit('requests');
    if (parsed.close || (head.version === 10 && !parsed.keepAlive) || last) this.#closing = true;
    const stream = this.#stream as ServerStream;
    stream.method = head.method;
    stream.lastAsked = last || (parsed.close && head.version === 11);
    stream.version = head.version === 10 ? 10 : 11;
    stream.upgrade = head.upgrade;
    stream.waitsFor100 = head.expectsContinue;
    this.#left = length;
    this.#state = length === CHUNKED ? CHUNKS : length > 0 ? BODY : WAIT;
    this.#chunks = length === CHUNKED ? new ChunkedReader(this.#options) : null;
    stream.requestDone = this.#state === WAIT;
    (this.#reader as RequestReader).onHead(head, stream.requestDone && head.upgrade === null, false);
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

  #bodyData(piece: Piece, end: boolean): void {
    if (end) this.#requestEnds();
    if (this.#reader !== null) this.#reader.onData(piece, end);
    else this.#discard(piece.length);
    if (end) this.#maybeNext();
  }

  #count(bytes: number): void {
    if (this.#stream !== null) this.#stream.wire.received += bytes;
  }

  #requestEnds(): void {
    // A connection that was ended over its unwanted body stays so.
    if (this.#state !== CLOSING) this.#state = WAIT;
    this.#chunks = null;
    if (this.#stream !== null) this.#stream.requestDone = true;
  }

  #readChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks as ChunkedReader;
    // Counted first: the last byte may end the exchange. What follows the body is taken off again below.
    const stream = this.#stream;
    this.#count(bytes.length - at);
    const next = chunks.read(bytes, at, this.#chunkSink);
    if (stream !== null && next > 0) stream.wire.received -= bytes.length - next;
    if (chunks.fault !== null) return this.#fail(chunks.fault);
    return next;
  }

  readonly #chunkSink = {
    onData: (chunk: Buffer, end: boolean) => this.#bodyData(chunk, end),
    onTrailers: (trailers: HeaderList) => {
      this.#requestEnds();
      if (this.#options.enableTrailers) this.#reader?.onTrailers(trailers);
      else this.#reader?.onData(EMPTY, true);
      this.#maybeNext();
    },
  };

  /** A body that nobody wants any more, after an early answer. */
  #discard(length: number): void {
    this.#discarded += length;
    if (this.#discarded > DISCARD_LIMIT) this.#endSocket();
  }

  #fail(fault: Fault): number {
    this.#state = CLOSING;
    this.#closing = true;
    if (this.#stream === null) this.#begin();
    const stream = this.#stream as ServerStream | null;
    const reader = this.#reader;
    if (stream !== null) stream.requestDone = true;
    if (reader === null) this.#endSocket();
    else reader.onFault(fault);
    return -1;
  }

  /** The answer is complete: once the request is too, the next one may be read. */
  answered(stream: ServerStream): void {
    if (stream !== this.#stream) return;
    this.#reader = null;
    this.#lastActive = this.#clock.turn();
    if (stream.unframed) {
      // The end of the connection is the end of the answer: nobody is left to wait for it.
      this.#stream = null;
      this.#endSocket();
      return;
    }
    if (this.#state === TUNNEL_DOWN || this.#state === CLOSING) {
      this.#stream = null;
      if (this.#state === TUNNEL_DOWN) this.#endSocket();
      else this.#linger();
      return;
    }
    if (this.#closing && !this.#draining) {
      this.#stream = null;
      if (stream.lastAsked && stream.requestDone && !this.#reading) this.#endSocket();
      else this.#linger();
    } else if (stream.requestDone) this.#maybeNext();
    else this.#awaitRest();
  }

  #awaitRest(): void {
    if (this.#closing) {
      this.#stream = null;
      this.#linger();
      return;
    }
    this.#discarded = 0;
    this.resumeReading();
    this.#closeTimer = this.#clock.after(DISCARD_MS, () => this.#endSocket());
  }

  #maybeNext(): void {
    if (this.#reader !== null || this.#state !== WAIT) return;
    this.#stream = null;
    this.#closeTimer?.cancel();
    this.#closeTimer = null;
    if (this.#closing) {
      const left = this.#openUntil - this.#clock.now();
      if (left > 0) this.#closeTimer = this.#clock.after(left, () => this.#closeIdle());
      else this.#endSocket();
    }
    if (this.#ended) return;
    this.#state = HEAD;
    this.resumeReading();
    if (!this.#reading && this.#rest.length > 0) this.#readRest();
  }

  /**
   * The client was told that the connection ends, and may still be sending: it is left to close first. A reset
   * sent into its request could take the answer away from it (RFC 9112 9.6).
   */
  #linger(): void {
    if (this.#options.delayedCloseMs === 0) {
      this.#endSocket();
      return;
    }
    this.#state = CLOSING;
    this.#takeRest();
    this.#socket.resume();
    this.#closeTimer?.cancel();
    this.#closeTimer = this.#clock.after(this.#options.delayedCloseMs, () => this.#waitedLongEnough());
  }

  #waitedLongEnough(): void {
    this.#handler.onLimit('delayed-close');
    this.#endSocket();
  }

  /** Says goodbye: our side ends; what still comes is read and dropped until the client closes too. */
  #endSocket(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#byUs = true;
    this.#state = CLOSING;
    this.#stream = null;
    this.#takeRest();
    this.#socket.end();
    this.#socket.resume();
    this.#closeTimer?.cancel();
    this.#closeTimer = this.#clock.after(this.#options.delayedCloseMs, () => this.#socket.destroy());
  }

  #onEnd(): void {
    if (this.#state === TUNNEL && this.#stream !== null) this.#onTunnelEnd(this.#stream);
    else this.#onGone('the client closed the connection');
  }

  /** Each side of a tunnel ends for itself. */
  #onTunnelEnd(stream: ServerStream): void {
    this.#state = TUNNEL_DOWN;
    this.#reader?.onData(EMPTY, true);
    if (this.#tunnelEnded) this.answered(stream);
  }

  #onGone(why: string): void {
    this.#abandon(why);
    this.#socket.destroy();
  }

  #abandon(why: string): void {
    const reader = this.#reader;
    if (reader !== null) this.#cutShort = true;
    this.#reader = null;
    this.#stream = null;
    this.#state = CLOSING;
    this.#takeRest();
    reader?.onReset(new ProxyError(FAILURE.downstreamGone, { context: why }));
  }

  #onClose(): void {
    for (const timer of [this.#headTimer, this.#closeTimer, this.#idleTimer, this.#lifeTimer]) timer?.cancel();
    this.#abandon('the connection closed');
    this.#backlog = held.replace(this.#backlog, 0);
    this.#handler.onClose(this.#byUs ? 'local' : 'remote', this.#cutShort);
  }

  // What a stream asks of its connection.

  pauseReading(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#paused = false;
    if (!this.#restIsFull) this.#socket.resume();
  }

  /**
   * Framing lines for a final head; decides how the body is delimited. `last`: the whole answer goes out
   * with this head; an answer that is over before its request ends the connection.
   */
  framing(stream: ServerStream, head: ResponseHead, bodiless: boolean, last: boolean): string {
    // After a declined upgrade nobody knows what the client's next bytes mean.
    const declined = stream.upgrade !== null && head.status !== 101;
    // A final answer in the place of a 100: whether the body still comes, nobody can tell (RFC 9110 10.1.1).
    const refused = stream.waitsFor100 && !stream.requestDone;
    if (declined || refused || head.close === true || (last && !stream.requestDone)) this.#closing = true;
    const lines = frameAnswer(stream, head, bodiless);
    if (stream.unframed) this.#closing = true;
    if (head.status === 101) return `${lines}connection: upgrade\r\n`;
    if (this.#closing) return `${lines}connection: close\r\n`;
    return stream.version === 10 ? `${lines}connection: keep-alive\r\n` : lines;
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
    this.#reader?.onDrain();
  }

  startTunnel(): void {
    this.#state = TUNNEL;
    const rest = this.#takeRest();
    this.resumeReading();
    if (rest.length > 0) this.#reader?.onData(rest, false);
  }

  endTunnel(stream: ServerStream): void {
    this.#tunnelEnded = true;
    if (this.#state === TUNNEL_DOWN) this.answered(stream);
    else this.#socket.end();
  }

  /** An answer that cannot be finished: the client must see an abort, never a clean end. */
  abort(stream: ServerStream): void {
    if (stream !== this.#stream) return;
    const isDelimitedByEnd = stream.unframed || this.#state === TUNNEL || this.#state === TUNNEL_DOWN;
    this.#reader = null;
    this.#stream = null;
    this.#state = CLOSING;
    this.#ended = true;
    this.#byUs = true;
    // What was written so far is handed over first; then the connection is cut. A body that only the end
    // of the connection delimits needs a reset, or the cut would look like its end.
    const cut = () => (isDelimitedByEnd ? abortConnection(this.#socket) : this.#socket.destroy());
    if (this.#socket.writableLength === 0) cut();
    else this.#socket.once('drain', cut);
    this.#closeTimer ??= this.#clock.after(this.#options.delayedCloseMs, cut);
  }

  get headerCase(): HeaderCase {
    return this.#options.headerCase;
  }

  get trailersEnabled(): boolean {
    return this.#options.enableTrailers;
  }
}
