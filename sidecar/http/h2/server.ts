// One HTTP/2 connection from a client: field blocks become requests, each on a stream of its own. Twin of client.ts.
//
// Draining has two steps (RFC 9113 6.8): first the client is told that the connection will end, and what is on
// its way is served; when the drain timeout is over it is told which stream was the last.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../core/clock.ts';
import { FAILURE, ProxyError } from '../../errors.ts';
import type { UnderscoreCounts } from '../h1/fields.ts';
import type { ServerCodec, ServerHandler } from '../server.ts';
import { lend } from '../slabs.ts';
import { CLOSED } from './closed-streams.ts';
import { H2_FAULT } from './fault.ts';
import { FieldList, type FieldRules, NO_PSEUDO, REQUEST_PSEUDO } from './field-list.ts';
import type { Flood } from './flood.ts';
import { H2_ERROR } from './frames/error-codes.ts';
import { Link, type LinkCounts, type LinkOptions, type LinkOwner } from './link.ts';
import { requestHead, trailersOf } from './messages.ts';
import { ServerStream } from './server-stream.ts';
import type { Http2Stream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

export interface Http2ServerOptions extends Omit<LinkOptions, 'isServer'>, FieldRules {
  readonly counts: LinkCounts & UnderscoreCounts;
  readonly scheme: 'http' | 'https';
  /** Without a stream for so long, the connection is drained (milliseconds). 0: never. */
  readonly idleTimeoutMs: number;
  /** Between the two steps of draining. */
  readonly drainTimeoutMs: number;
  /** 0: no limit. */
  readonly maxConnectionDurationMs: number;
  /** 0: no limit. */
  readonly maxRequests: number;
}

/** Besides what every server codec tells. */
export interface Http2ServerHandler extends ServerHandler {
  onFlood(flood: Flood): void;
  /** The connection ends for what the client did. */
  onProtocolError(reason: string): void;
  /** A PING was not answered. */
  onSilence(): void;
  /** More streams at once than allowed. */
  onRefusedStream(): void;
}

/** From the connection to the client's SETTINGS (robustness.md X15). */
const PREFACE_MS = 10_000;
/** Used up before the next block is read. */
const FIELDS = new FieldList();

export class Http2Server implements ServerCodec, LinkOwner {
  readonly #link: Link;
  #requests = 0;
  #draining = false;
  /** The client was told which stream is the last. */
  #lastTold = false;
  #byUs = false;
  #cutShort = false;
  #lastActive: number;
  #prefaceTimer: Timer | null;
  #idleTimer: Timer | null = null;
  #drainTimer: Timer | null = null;
  #lifeTimer: Timer | null = null;
  readonly #socket: Socket;
  readonly #options: Http2ServerOptions;
  readonly #handler: Http2ServerHandler;
  readonly #clock: Clock;

  constructor(socket: Socket, options: Http2ServerOptions, handler: Http2ServerHandler, clock: Clock) {
    this.#socket = socket;
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    this.#lastActive = clock.now();
    this.#link = new Link(socket, { ...options, isServer: true }, this, clock);
    const take = (bytes: Buffer) => this.#link.read(bytes);
    socket.on('data', (bytes: Buffer) => lend(bytes, take));
    socket.on('end', () => this.#onGone('the client closed the connection'));
    socket.on('error', (error) => this.#onGone(error.message));
    socket.on('close', () => this.#onClose());
    this.#prefaceTimer = clock.after(PREFACE_MS, () => this.#link.fail(H2_ERROR.SETTINGS_TIMEOUT, 'no SETTINGS came'));
    this.#armIdle(options.idleTimeoutMs);
    if (options.maxConnectionDurationMs > 0)
      this.#lifeTimer = clock.after(options.maxConnectionDurationMs, () => this.#tooOld());
    this.#link.begin();
  }

  accept(bytes: Buffer): void {
    this.#link.read(bytes);
  }

  get #streams(): StreamTable {
    return this.#link.streams;
  }

  // Limits of time.

  #armIdle(wait: number): void {
    if (this.#options.idleTimeoutMs === 0) return;
    this.#idleTimer = this.#clock.after(wait, () => {
      const left = this.#lastActive + this.#options.idleTimeoutMs - this.#clock.now();
      if (this.#streams.size > 0) this.#armIdle(this.#options.idleTimeoutMs);
      else if (left > 1) this.#armIdle(left);
      else this.#idleTimeout();
    });
  }

  #idleTimeout(): void {
    this.#handler.onLimit('idle');
    this.drain();
  }

  #tooOld(): void {
    this.#handler.onLimit('duration');
    this.drain();
  }

  onSilence(): void {
    this.#byUs = true;
    this.#handler.onSilence();
    this.#onGone('the client did not answer a PING');
  }

  onWriteStalled(stream: Http2Stream): void {
    (stream as ServerStream).stalled();
  }

  // Draining.

  drain(): void {
    if (this.#draining || this.#link.isEnding) return;
    this.#draining = true;
    this.#link.goaway();
    this.#drainTimer = this.#clock.after(this.#options.drainTimeoutMs, () => this.#tellLast());
  }

  retire(): void {
    this.drain();
  }

  #tellLast(): void {
    if (this.#link.isEnding) return;
    this.#lastTold = true;
    this.#link.goaway(this.#link.lastPeerId);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#lastTold || this.#streams.size > 0) return;
    this.#byUs = true;
    this.#link.end(H2_ERROR.NO_ERROR);
  }

  destroy(): void {
    this.#byUs = true;
    this.#socket.destroy();
  }

  // Requests.

  onHeaders(id: number, end: boolean, block: Buffer, start: number, last: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#onTrailers(stream as ServerStream, end, block, start, last);
    else if (id <= this.#link.lastPeerId || (id & 1) === 0) this.#onStray(id, block, start, last);
    else this.#onRequest(id, end, block, start, last);
  }

  /** Of a stream that is closed, or whose number nobody may use: decoded all the same, for the table's sake. */
  #onStray(id: number, block: Buffer, start: number, last: number): void {
    if (this.#link.decode(block, start, last, null) === false) return;
    const how = (id & 1) === 0 ? CLOSED.UNKNOWN : this.#link.howClosed(id);
    if (how === CLOSED.UNKNOWN) this.#link.fail(H2_ERROR.PROTOCOL_ERROR, `HEADERS for stream ${id} out of order`);
    else this.#link.onStrayFrame(id, 'HEADERS');
  }

  #onRequest(id: number, end: boolean, block: Buffer, start: number, last: number): void {
    const link = this.#link;
    FIELDS.begin(REQUEST_PSEUDO, this.#options);
    const decoded = link.decode(block, start, last, FIELDS);
    // After the last word on the last stream the client knows that this one is not served.
    if (decoded === false || this.#lastTold) return;
    link.lastPeerId = id;
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#handler.onRefusedStream();
      link.refuse(id, H2_ERROR.REFUSED_STREAM);
      return;
    }
    const stream = this.#openStream(id, end, last - start);
    if (decoded === 'ok') this.#startRequest(stream, end, last - start);
    else
      stream.refuseHead(
        FIELDS.headers.length / 2 >= this.#options.maxHeadersCount ? H2_FAULT.tooMany : H2_FAULT.tooLarge,
      );
  }

  #openStream(id: number, end: boolean, blockBytes: number): ServerStream {
    const stream = new ServerStream(this.#link);
    this.#link.open(stream, id);
    stream.remoteEnded = end;
    stream.wire.received = blockBytes;
    stream.wire.receivedFields = blockBytes;
    stream.attach(this.#handler.onStream(stream));
    this.#countRequest();
    return stream;
  }

  #countRequest(): void {
    this.#lastActive = this.#clock.turn();
    this.#requests++;
    if (this.#options.maxRequests === 0 || this.#requests < this.#options.maxRequests || this.#draining) return;
    this.#handler.onLimit('requests');
    this.drain();
  }

  #startRequest(stream: ServerStream, end: boolean, blockBytes: number): void {
    const { scheme, offersConnect } = this.#options;
    const head = requestHead(FIELDS, blockBytes, end, scheme, offersConnect);
    if (!('reason' in head)) stream.start(head, end, FIELDS.contentLength);
    else if (head.status === 400) this.#link.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, head);
    else stream.refuseHead(head);
  }

  #onTrailers(stream: ServerStream, end: boolean, block: Buffer, start: number, last: number): void {
    FIELDS.begin(NO_PSEUDO, this.#options);
    const decoded = this.#link.decode(block, start, last, FIELDS);
    if (decoded === false) return;
    stream.wire.received += last - start;
    stream.wire.receivedFields += last - start;
    if (stream.remoteEnded) {
      this.#link.peerFault(stream, H2_ERROR.STREAM_CLOSED, H2_FAULT.closedStream);
      return;
    }
    const trailers = end && decoded === 'ok' ? trailersOf(FIELDS) : null;
    if (trailers === null) this.#link.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, H2_FAULT.trailers);
    else stream.receiveTrailers(trailers);
  }

  // What the connection tells.

  onRead(): void {}

  onSettings(): void {
    this.#prefaceTimer?.cancel();
    this.#prefaceTimer = null;
  }

  /** A client that will open no more streams. */
  onGoaway(_lastId: number, _code: number): void {
    this.drain();
  }

  resetError(code: number): ProxyError {
    return new ProxyError(FAILURE.downstreamReset, { context: `the client reset the stream with code ${code}` });
  }

  onStreamClosed(): void {
    this.#lastActive = this.#clock.turn();
    this.#endIfDone();
  }

  onFlood(flood: Flood): void {
    this.#handler.onFlood(flood);
  }

  onBroken(_code: number, reason: string): void {
    this.#byUs = true;
    this.#handler.onProtocolError(reason);
    this.#abandon(reason);
  }

  #abandon(why: string): void {
    if (this.#streams.size > 0) this.#cutShort = true;
    this.#link.abandon(new ProxyError(FAILURE.downstreamGone, { context: why }));
  }

  #onGone(why: string): void {
    this.#abandon(why);
    this.#socket.destroy();
  }

  #onClose(): void {
    for (const timer of [this.#prefaceTimer, this.#idleTimer, this.#drainTimer, this.#lifeTimer]) timer?.cancel();
    this.#abandon('the connection closed');
    this.#link.close();
    this.#handler.onClose(this.#byUs ? 'local' : 'remote', this.#cutShort);
  }
}
