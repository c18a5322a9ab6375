// One stream of an HTTP/2 connection: what both sides have of it. Bodies both ways under flow control: what may
// not be sent yet waits here, and so does what came while its reader was paused, up to the window.

import type { ProxyError } from '../../errors.ts';
import type { HeaderList } from '../head.ts';
import { held } from '../held.ts';
import { latin1 } from '../latin1.ts';
import { SlabQueue } from '../slab-queue.ts';
import { withLent } from '../slabs.ts';
import { type HttpStream, noBytes, type Piece } from '../stream.ts';
import { CLOSED, type HowClosed } from './closed-streams.ts';
import { H2_FAULT } from './fault.ts';
import { H2_ERROR } from './frames/error-codes.ts';
import type { Fault } from '../server.ts';

/** What of a reader is the same on both sides. */
export interface BodyReader {
  onData(chunk: Piece, end: boolean): void;
  onTrailers(trailers: HeaderList): void;
  onDrain(): void;
  onReset(error: ProxyError): void;
}

/** What a stream asks of its connection. */
export interface StreamLink {
  /** What may be sent now over all streams. */
  readonly sendWindow: number;
  readonly maxFrameSize: number;
  readonly blocked: boolean;
  /** Of each new stream, for what the peer sends. */
  readonly receiveWindow: number;
  data(stream: Http2Stream, piece: Piece, from: number, to: number, end: boolean): void;
  /** Returns bytes on the wire, as `headers` does. */
  trailers(stream: Http2Stream, trailers: HeaderList): number;
  headers(stream: Http2Stream, pseudo: HeaderList, fields: HeaderList, end: boolean): number;
  windowUpdate(stream: Http2Stream, increment: number): void;
  rst(stream: Http2Stream, code: number): void;
  /** Something waits to be sent. */
  waits(stream: Http2Stream): void;
  /** Something waits to be read. */
  wake(stream: Http2Stream): void;
  /** Wants to be told when what was read at once is used up. */
  unsettled(stream: Http2Stream): void;
  /** Both directions are over. */
  closed(stream: Http2Stream, how: HowClosed): void;
}

/** A stream tells the peer of room once it is half of the window. */
const UPDATE_SHARE = 2;
const EMPTY = Buffer.alloc(0);
/** A piece up to this size goes on as text: cutting and copying text costs less than a view of memory does. */
const TEXT_BYTES = 1024;

const NO_END = 0;
const END_WITH_DATA = 1;
const END_WITH_TRAILERS = 2;

export abstract class Http2Stream implements HttpStream<never> {
  readonly wire = noBytes();
  id = 0;
  sendWindow = 0;
  /** When it was opened, of the turn; and when its queue began to wait. */
  openedMs = 0;
  stalledMs = 0;
  /** The peer has said all it had to say; it may not be read yet. */
  remoteEnded = false;
  #remoteRead = false;
  /** Bytes of body still to come by Content-Length; -1: not said. */
  lengthLeft = -1;
  #receiveWindow = 0;
  #consumed = 0;
  /** What was counted of a frame and is not its data so far. */
  #padding = 0;
  /** Our side was told its end, and handed it to the connection. */
  #localEnded = false;
  #sentEnd = false;
  #closed = false;
  #paused = false;
  /** What is to be sent, and how it ends; null: nothing waits. */
  #outbox: SlabQueue | null = null;
  #outboxEnd: typeof NO_END | typeof END_WITH_DATA | typeof END_WITH_TRAILERS = NO_END;
  #trailers: HeaderList | null = null;
  /** A `sendData` returned false. */
  #owesDrain = false;
  /** What came while the reader was paused or an end was lacking, and how it ends. */
  #inbox: SlabQueue | null = null;
  #inboxEnd: typeof NO_END | typeof END_WITH_DATA | typeof END_WITH_TRAILERS = NO_END;
  #inboxTrailers: HeaderList | null = null;
  /** The last piece of a body whose length was said: its end most often comes within the same read. */
  #late: Buffer | null = null;
  #lateFrom = 0;
  #lateTo = 0;
  protected readonly link: StreamLink;

  constructor(link: StreamLink) {
    this.link = link;
  }

  /** Who reads it; null once its part is over. */
  protected abstract get reader(): BodyReader | null;
  /** The reader hears of nothing more. */
  protected abstract dropReader(): void;
  /** Tells the reader of a fault of the peer's. */
  protected abstract faulted(fault: Fault): void;
  abstract sendHead(head: never, end: boolean, more?: boolean): void;

  begin(id: number, sendWindow: number, now: number): void {
    this.id = id;
    this.sendWindow = sendWindow;
    this.openedMs = now;
    this.#receiveWindow = this.link.receiveWindow;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get localEnded(): boolean {
    return this.#localEnded;
  }

  get isWaiting(): boolean {
    return this.#outbox !== null;
  }

  // Sending.

  sendData(chunk: Piece, end: boolean): boolean {
    if (this.#closed || this.#localEnded) return true;
    if (end) this.#localEnded = true;
    const sent = this.#outbox === null ? this.#sendSome(chunk, end) : 0;
    if (sent < chunk.length || (end && !this.#sentEnd)) this.#enqueue(chunk, sent, end);
    if (this.#outbox === null && !this.link.blocked) return true;
    this.#owesDrain = true;
    if (this.#outbox === null) this.link.waits(this);
    return false;
  }

  /** As much as windows and the connection allow; how far it came. An end goes with the last byte. */
  #sendSome(piece: Piece, end: boolean): number {
    let at = 0;
    while (at < piece.length || (end && piece.length === 0)) {
      const most = Math.min(this.sendWindow, this.link.sendWindow, this.link.maxFrameSize);
      const to = Math.min(piece.length, at + most);
      if (this.link.blocked || (to <= at && at < piece.length)) break;
      const last = end && to === piece.length;
      this.link.data(this, piece, at, to, last);
      this.wire.sent += to - at;
      at = to;
      if (!last) continue;
      this.#ended();
      break;
    }
    return at;
  }

  #enqueue(chunk: Piece, from: number, end: boolean): void {
    if (this.#outbox === null) {
      this.#outbox = new SlabQueue();
      this.link.waits(this);
    }
    this.#outbox.append(chunk, from, chunk.length);
    held.add(chunk.length - from);
    if (end) this.#outboxEnd = END_WITH_DATA;
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.#closed || this.#localEnded) return;
    this.#localEnded = true;
    if (this.#outbox === null) {
      this.#sendTrailers(trailers);
      return;
    }
    this.#trailers = trailers;
    this.#outboxEnd = END_WITH_TRAILERS;
  }

  #sendTrailers(trailers: HeaderList): void {
    // An end with nothing in it is an empty DATA frame: field blocks need a field.
    if (trailers.length === 0) this.link.data(this, EMPTY, 0, 0, true);
    else this.countFields(this.link.trailers(this, trailers));
    this.#ended();
  }

  /** Sends one frame of what waits, so that streams take turns. false: it cannot go on now. */
  sendWaiting(): boolean {
    const outbox = this.#outbox;
    if (outbox === null || this.#closed || this.link.blocked) return false;
    if (outbox.length > 0 && !this.#sendFrame(outbox)) return false;
    if (outbox.length > 0) return true;
    this.#outbox = null;
    if (this.#outboxEnd === END_WITH_TRAILERS) this.#sendTrailers(this.#trailers as HeaderList);
    else if (this.#outboxEnd === END_WITH_DATA) this.#endOutbox();
    return false;
  }

  #sendFrame(outbox: SlabQueue): boolean {
    const { head, headFrom, headTo } = outbox;
    const most = Math.min(this.sendWindow, this.link.sendWindow, this.link.maxFrameSize);
    const length = Math.min(headTo - headFrom, most);
    if (length <= 0) return false;
    const last = length === outbox.length && this.#outboxEnd === END_WITH_DATA;
    this.link.data(this, head, headFrom, headFrom + length, last);
    held.add(-length);
    this.wire.sent += length;
    outbox.consume(length);
    if (last) this.#sentEnd = true;
    return true;
  }

  /** The end went with the last frame; or there was nothing but an end. */
  #endOutbox(): void {
    if (!this.#sentEnd) this.link.data(this, EMPTY, 0, 0, true);
    this.#ended();
  }

  /** What waited was sent: the one who sends may go on. */
  drained(): void {
    if (!this.#owesDrain || this.#outbox !== null || this.#closed) return;
    this.#owesDrain = false;
    this.reader?.onDrain();
  }

  /** Our side's last frame was handed over. */
  #ended(): void {
    this.#sentEnd = true;
    this.#localEnded = true;
    if (this.#remoteRead && !this.#closed) this.#close(CLOSED.DONE);
    if (!this.#closed) this.localDone();
  }

  /** Our side is over before the peer's was read. */
  protected abstract localDone(): void;

  /** Bytes of a field block that was sent. */
  protected countFields(bytes: number): void {
    this.wire.sent += bytes;
    this.wire.sentFields += bytes;
  }

  /** The head that was sent is all of the message. */
  protected headEnded(): void {
    this.#ended();
  }

  /** Nobody will read the rest of what the peer said. */
  protected dropRest(): void {
    this.#close(CLOSED.DONE);
  }

  // Receiving.

  /** A body may come: its head was there. */
  get takesData(): boolean {
    return true;
  }

  /** A piece of a DATA frame; `counted`: of the window, the whole of the frame with its first piece. */
  receive(bytes: Buffer, start: number, end: number, counted: number, frameEnds: boolean, last: boolean): void {
    const length = end - start;
    this.#receiveWindow -= counted;
    this.#padding += counted - length;
    if (this.#receiveWindow < 0) {
      this.fail(H2_ERROR.FLOW_CONTROL_ERROR, H2_FAULT.window);
      return;
    }
    this.wire.received += counted;
    if (this.lengthLeft !== -1 && !this.#isWithinLength(length, last)) return;
    if (last) this.remoteEnded = true;
    // Padding is used up as it comes.
    if (frameEnds) this.#consumePadding();
    if (this.#paused || this.#inbox !== null) {
      this.settle();
      this.#keep(bytes, start, end, last);
    } else if (this.#late !== null) {
      if (last) this.#deliverLate(true);
    } else if (this.#lacksEnd) this.#awaitEnd(bytes, start, end);
    else this.#deliver(pieceOf(bytes, start, end), last);
  }

  #awaitEnd(bytes: Buffer, start: number, end: number): void {
    this.#late = bytes;
    this.#lateFrom = start;
    this.#lateTo = end;
    this.link.unsettled(this);
  }

  /** The read is over, and its memory: what still waits for its end is kept. */
  settle(): void {
    const late = this.#late;
    this.#late = null;
    if (late !== null) this.#keep(late, this.#lateFrom, this.#lateTo, false);
  }

  #deliverLate(last: boolean): void {
    const late = this.#late;
    this.#late = null;
    if (late !== null) this.#deliver(pieceOf(late, this.#lateFrom, this.#lateTo), last);
  }

  #consumePadding(): void {
    const padding = this.#padding;
    this.#padding = 0;
    if (padding > 0) this.#consume(padding);
  }

  /**
   * Of a body whose length was said the last piece waits for the word that it was the last: whoever reads it by
   * the length takes the message for complete with it, and what came behind would make it malformed.
   */
  get #lacksEnd(): boolean {
    return this.lengthLeft === 0 && !this.remoteEnded;
  }

  #isWithinLength(length: number, last: boolean): boolean {
    this.lengthLeft -= length;
    if (this.lengthLeft >= 0 && (!last || this.lengthLeft === 0)) return true;
    this.lengthLeft = 0;
    this.fail(H2_ERROR.PROTOCOL_ERROR, H2_FAULT.length);
    return false;
  }

  #keep(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#inbox ??= new SlabQueue();
    this.#inbox.append(bytes, start, end);
    held.add(end - start);
    if (!last) return;
    this.#inboxEnd = END_WITH_DATA;
    this.deliverKept();
  }

  #deliver(piece: Piece, last: boolean): void {
    this.#consume(piece.length);
    if (piece.length === 0 && !last) return;
    this.beforeRead();
    const { reader } = this;
    if (last) this.#remoteDone();
    reader?.onData(piece, last);
    if (last) this.readDone();
  }

  /** Before the reader is given anything of a body. */
  protected beforeRead(): void {}

  /** The reader was given all of the message. */
  protected readDone(): void {}

  #deliverTrailers(trailers: HeaderList): void {
    this.beforeRead();
    const { reader } = this;
    this.#remoteDone();
    reader?.onTrailers(trailers);
    this.readDone();
  }

  /** Trailers of the peer. */
  receiveTrailers(trailers: HeaderList): void {
    if (this.lengthLeft > 0) {
      this.fail(H2_ERROR.PROTOCOL_ERROR, H2_FAULT.length);
      return;
    }
    this.remoteEnded = true;
    if (this.#paused || this.#inbox !== null) this.settle();
    else this.#deliverLate(false);
    if (this.#closed) return;
    if (this.#paused || this.#inbox !== null) {
      this.#inbox ??= new SlabQueue();
      this.#inboxTrailers = trailers;
      this.#inboxEnd = END_WITH_TRAILERS;
      this.deliverKept();
      return;
    }
    this.#deliverTrailers(trailers);
  }

  /** The message was read to its end. */
  #remoteDone(): void {
    this.remoteEnded = true;
    this.#remoteRead = true;
    if (this.#sentEnd && !this.#closed) this.#close(CLOSED.DONE);
  }

  /** The head that came is all of the message. */
  protected remoteHeadEnded(): void {
    this.#remoteDone();
  }

  #consume(bytes: number): void {
    this.#consumed += bytes;
    if (this.remoteEnded || this.#closed || this.#consumed * UPDATE_SHARE < this.link.receiveWindow) return;
    this.#receiveWindow += this.#consumed;
    this.link.windowUpdate(this, this.#consumed);
    this.#consumed = 0;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#inbox !== null && !this.#closed) this.link.wake(this);
  }

  /** Hands on what had to wait, until its reader asks for a pause again. */
  deliverKept(): void {
    const inbox = this.#inbox;
    if (inbox === null || this.#lacksEnd) return;
    while (inbox.length > 0 && !this.#paused && !this.#closed) this.#deliverHead(inbox);
    if (inbox.length > 0 || this.#paused || this.#closed) return;
    this.#inbox = null;
    if (this.#inboxEnd === END_WITH_TRAILERS) this.#deliverTrailers(this.#inboxTrailers as HeaderList);
    else if (this.#inboxEnd === END_WITH_DATA && !this.#remoteRead) this.#deliver(EMPTY, true);
  }

  #deliverHead(inbox: SlabQueue): void {
    const { head, headFrom, headTo } = inbox;
    const length = headTo - headFrom;
    const last = length === inbox.length && this.#inboxEnd === END_WITH_DATA;
    withLent(head, () => this.#deliver(head.subarray(headFrom, headTo), last));
    // The stream may have been closed by it, and all of this let go.
    if (inbox.length === 0) return;
    inbox.consume(length);
    held.add(-length);
  }

  // Ending.

  reset(_error: ProxyError): void {
    this.cancel(H2_ERROR.CANCEL);
  }

  /** Ended by us, for a reason that its reader knows. */
  cancel(code: number): void {
    if (this.#closed) return;
    this.dropReader();
    if (this.id !== 0) this.link.rst(this, code);
    this.#close(CLOSED.BY_US);
  }

  /** Ended by us for what the peer did wrong. */
  fail(code: number, fault: Fault): void {
    if (this.#closed) return;
    this.link.rst(this, code);
    this.#close(CLOSED.BY_US);
    this.faulted(fault);
    this.dropReader();
  }

  /** Ended by the peer, or with its connection. */
  gone(error: ProxyError, how: HowClosed): void {
    if (this.#closed) return;
    const { reader } = this;
    this.dropReader();
    this.#close(how);
    reader?.onReset(error);
  }

  #close(how: HowClosed): void {
    this.#closed = true;
    this.#outbox = dropped(this.#outbox);
    this.#inbox = dropped(this.#inbox);
    this.#late = null;
    this.link.closed(this, how);
  }
}

function pieceOf(bytes: Buffer, start: number, end: number): Piece {
  if (end - start <= TEXT_BYTES) return latin1(bytes, start, end);
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function dropped(queue: SlabQueue | null): null {
  if (queue === null) return null;
  held.add(-queue.length);
  queue.clear();
  return null;
}
