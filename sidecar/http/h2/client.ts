// One HTTP/2 connection to an upstream: many exchanges at once, each on a stream of its own. Twin of server.ts.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../core/clock.ts';
import { FAILURE, ProxyError } from '../../errors.ts';
import type { RequestHead, ResponseHead } from '../head.ts';
import type { UnderscoreCounts } from '../h1/fields.ts';
import type { ClosedBy, IncomingBytes } from '../client.ts';
import { lend, markOverwritten } from '../slabs.ts';
import type { HttpStream, StreamReader } from '../stream.ts';
import { ClientStream, type StreamOpener } from './client-stream.ts';
import { CLOSED } from './closed-streams.ts';
import { H2_FAULT } from './fault.ts';
import { FieldList, type FieldRules, NO_PSEUDO, RESPONSE_PSEUDO } from './field-list.ts';
import type { Flood } from './flood.ts';
import { errorName, H2_ERROR } from './frames/error-codes.ts';
import { Link, type LinkCounts, type LinkOptions, type LinkOwner } from './link.ts';
import { responseHead, trailersOf } from './messages.ts';
import type { Http2Stream } from './stream.ts';

export interface Http2ClientOptions extends Omit<LinkOptions, 'isServer' | 'offersConnect'>, FieldRules {
  readonly counts: LinkCounts & UnderscoreCounts;
  /** Streams that we open at once, where the peer allows more. */
  readonly maxStreams: number;
}

export interface Http2ClientHandler {
  /** How many streams the peer takes at once. Told before `onRoom`, with all of its SETTINGS. */
  onStreamLimit(most: number): void;
  /** There is room for another stream, or more of it than before. */
  onRoom(): void;
  onStreamClosed(): void;
  /** No stream may be opened any more; those that are open go on. */
  onDraining(): void;
  /** The connection is of no further use; `by` whom it was ended. Told once. */
  onOver(by: ClosedBy, during: boolean): void;
  onBytes(received: number): void;
  onFlood(flood: Flood): void;
  /** A PING was not answered. */
  onSilence(): void;
  onProtocolError(reason: string): void;
}

/** An upgrade waits so long for the peer's SETTINGS. */
const SETTINGS_MS = 5_000;
/** Numbers of streams are used up: long before, another connection takes its place. */
const LAST_ID = 2 ** 30;
/** Used up before the next block is read. */
const FIELDS = new FieldList();

export class Http2Client implements LinkOwner, StreamOpener {
  readonly #link: Link;
  readonly #promised: ClientStream[] = [];
  /** Upgrades that wait for the peer's SETTINGS; no more than streams may be open. */
  #unsettled: ClientStream[] = [];
  #settingsTimer: Timer | null = null;
  /** Streams that were given out: those without a number too. */
  #open = 0;
  #nextId = 1;
  #draining = false;
  #over = false;
  readonly #socket: Socket;
  readonly #options: Http2ClientOptions;
  readonly #handler: Http2ClientHandler;
  readonly #streamsAtFirst: number;
  readonly #clock: Clock;

  /** `streamsAtFirst`: to be opened before the peer has said how many it takes. */
  constructor(
    socket: Socket,
    incoming: IncomingBytes,
    options: Http2ClientOptions,
    handler: Http2ClientHandler,
    clock: Clock,
    streamsAtFirst: number,
  ) {
    this.#streamsAtFirst = streamsAtFirst;
    this.#socket = socket;
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    if (incoming.lent !== null) markOverwritten(incoming.lent);
    this.#link = new Link(socket, { ...options, isServer: false, offersConnect: false }, this, clock);
    const take = (bytes: Buffer) => this.#onBytes(bytes);
    incoming.onBytes(incoming.lent === null ? (bytes) => lend(bytes, take) : take);
    socket.on('end', () => this.#onGone('the upstream closed the connection'));
    socket.on('error', (error) => this.#onGone(error.message));
    socket.on('close', () => this.#onClose());
    this.#link.begin();
  }

  /** How many streams may be opened now. */
  get room(): number {
    if (this.#draining || this.#over) return 0;
    const most = this.#link.isSettled ? this.#link.peerMaxStreams : this.#streamsAtFirst;
    return Math.min(most, this.#options.maxStreams) - this.#open;
  }

  get active(): number {
    return this.#open;
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#open++;
    return new ClientStream(this.#link, this, reader);
  }

  /** No further streams; the connection ends with the last of those that are open. */
  drain(): void {
    if (this.#draining || this.#over) return;
    this.#draining = true;
    this.#handler.onDraining();
    this.#endIfDone();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onBytes(bytes: Buffer): void {
    this.#handler.onBytes(bytes.length);
    this.#link.read(bytes);
  }

  // What a stream asks.

  get offersConnect(): boolean | null {
    return this.#link.isSettled ? this.#link.peerOffersConnect : null;
  }

  awaitSettings(stream: ClientStream): void {
    this.#unsettled.push(stream);
    this.#settingsTimer ??= this.#clock.after(SETTINGS_MS, () => this.#settle(false));
  }

  #settle(offersConnect: boolean): void {
    for (const stream of this.#takeUnsettled()) stream.settled(offersConnect);
  }

  #takeUnsettled(): readonly ClientStream[] {
    const streams = this.#unsettled;
    this.#unsettled = [];
    this.#settingsTimer?.cancel();
    this.#settingsTimer = null;
    return streams;
  }

  begin(stream: ClientStream): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#link.lastOwnId = id;
    this.#link.open(stream, id);
    if (id > LAST_ID) this.drain();
  }

  promise(stream: ClientStream): void {
    this.#promised.push(stream);
  }

  // Answers.

  onHeaders(id: number, end: boolean, block: Buffer, start: number, last: number): void {
    const stream = this.#link.streams.get(id) as ClientStream | undefined;
    if (stream === undefined) {
      if (this.#link.decode(block, start, last, null) !== false) this.#link.onStrayFrame(id, 'HEADERS');
      return;
    }
    FIELDS.begin(stream.answered ? NO_PSEUDO : RESPONSE_PSEUDO, this.#options);
    const decoded = this.#link.decode(block, start, last, FIELDS);
    if (decoded === false) return;
    stream.wire.received += last - start;
    stream.wire.receivedFields += last - start;
    if (stream.remoteEnded) this.#link.peerFault(stream, H2_ERROR.STREAM_CLOSED, H2_FAULT.closedStream);
    else if (decoded !== 'ok') this.#link.peerFault(stream, H2_ERROR.CANCEL, H2_FAULT.tooLarge);
    else if (stream.answered) this.#onTrailers(stream, end);
    else this.#onHead(stream, end, last - start);
  }

  #onHead(stream: ClientStream, end: boolean, wireBytes: number): void {
    const head = responseHead(FIELDS, wireBytes);
    if (end && head !== null && head.status >= 200) stream.remoteEnded = true;
    if (head === null || !stream.receiveHead(head, end, FIELDS.contentLength))
      this.#link.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, FIELDS.fault ?? H2_FAULT.messaging);
  }

  #onTrailers(stream: ClientStream, end: boolean): void {
    const trailers = end ? trailersOf(FIELDS) : null;
    if (trailers === null) this.#link.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, H2_FAULT.trailers);
    else stream.receiveTrailers(trailers);
  }

  // What the connection tells.

  /** Heads that nothing followed in this input may go. */
  onRead(): void {
    for (let stream = this.#promised.pop(); stream !== undefined; stream = this.#promised.pop())
      stream.flushHead(false);
  }

  onSettings(): void {
    this.#handler.onStreamLimit(this.#link.peerMaxStreams);
    if (this.#unsettled.length > 0) this.#settle(this.#link.peerOffersConnect);
    this.#handler.onRoom();
  }

  /** Streams beyond the last one that the peer has seen were not processed: they may go elsewhere. */
  onGoaway(lastId: number, code: number): void {
    this.drain();
    const error = new ProxyError(FAILURE.refusedStream, { context: `GOAWAY with ${errorName(code)}` });
    for (const stream of this.#link.streams.all()) if (stream.id > lastId) stream.gone(error, CLOSED.BY_PEER);
    for (const stream of this.#takeUnsettled()) stream.gone(error, CLOSED.BY_PEER);
    this.#endIfDone();
  }

  resetError(code: number): ProxyError {
    const row = code === H2_ERROR.REFUSED_STREAM ? FAILURE.refusedStream : FAILURE.upstreamReset;
    return new ProxyError(row, { context: `the upstream reset the stream with ${errorName(code)}` });
  }

  onStreamClosed(): void {
    this.#open--;
    this.#handler.onStreamClosed();
    if (this.#draining) this.#endIfDone();
    else this.#handler.onRoom();
  }

  onSilence(): void {
    this.#handler.onSilence();
    this.#abandon(new ProxyError(FAILURE.upstreamClosed, { context: 'the upstream did not answer a PING' }), 'local');
    this.#socket.destroy();
  }

  onWriteStalled(stream: Http2Stream): void {
    const context = 'the upstream did not take the request in time';
    this.#link.refuse(stream.id, H2_ERROR.CANCEL);
    stream.gone(new ProxyError(FAILURE.upstreamReset, { context }), CLOSED.BY_US);
  }

  onFlood(flood: Flood): void {
    this.#handler.onFlood(flood);
  }

  onBroken(_code: number, reason: string): void {
    this.#handler.onProtocolError(reason);
    this.#abandon(new ProxyError(FAILURE.upstreamProtocol, { context: reason }), 'local');
  }

  #endIfDone(): void {
    if (!this.#draining || this.#open > 0 || this.#over) return;
    this.#link.end(H2_ERROR.NO_ERROR);
    this.#abandon(new ProxyError(FAILURE.upstreamClosed), 'local');
  }

  #onGone(why: string): void {
    this.#abandon(new ProxyError(FAILURE.upstreamClosed, { context: why }), 'remote');
    this.#socket.destroy();
  }

  #onClose(): void {
    this.#abandon(new ProxyError(FAILURE.upstreamClosed, { context: 'the connection closed' }), 'remote');
    this.#link.close();
  }

  #abandon(error: ProxyError, by: ClosedBy): void {
    if (this.#over) return;
    this.#over = true;
    const during = this.#open > 0;
    this.#link.abandon(error);
    for (const stream of this.#takeUnsettled()) stream.gone(error, CLOSED.BY_PEER);
    this.#handler.onOver(by, during);
  }
}
