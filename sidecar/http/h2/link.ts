// One HTTP/2 connection as both of its ends have it: its streams, settings and windows, pings, and the bounds
// on what a peer may do. What a field block means, its owner says (server.ts, client.ts).

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../core/clock.ts';
import type { ProxyError } from '../../errors.ts';
import type { HeaderList } from '../head.ts';
import type { Fault } from '../server.ts';
import type { Piece } from '../stream.ts';
import { CLOSED, ClosedStreams, type HowClosed } from './closed-streams.ts';
import { H2_FAULT } from './fault.ts';
import { EARLY_RESET_MS, type Flood, FloodGuard, MOST_UNKNOWN_FRAMES } from './flood.ts';
import { FrameSender } from './frame-sender.ts';
import { H2_ERROR } from './frames/error-codes.ts';
import type { FrameHandler } from './frames/frame-handler.ts';
import { FrameReader } from './frames/frame-reader.ts';
import { FLAG, FRAME } from './frames/frame-types.ts';
import { DEFAULT_SETTINGS, LARGEST_WINDOW, readSettings, SETTING, type SettingsSink } from './frames/settings.ts';
import { type FieldSink, HpackDecoder } from './hpack/decoder.ts';
import { Keepalive, type KeepaliveTimes } from './keepalive.ts';
import { Output, type OutputOwner } from './output.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';
import type { Http2Stream, StreamLink } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** What is counted of a connection, for whoever shows it. */
export interface LinkCounts {
  rx_reset: number;
  tx_reset: number;
  goaway_sent: number;
  tx_flush_timeout: number;
  rx_messaging_error: number;
}

export interface LinkOptions {
  readonly counts: LinkCounts;
  /** What a stream may send us before it is told of room, in bytes. */
  readonly initialStreamWindow: number;
  /** The same over all streams. */
  readonly initialConnectionWindow: number;
  /** Of the peer's making; 0: it may open none. */
  readonly maxConcurrentStreams: number;
  readonly maxHeadersCount: number;
  readonly maxHeadersBytes: number;
  /** A stream of which the peer takes nothing for so long is reset (milliseconds). */
  readonly writeStallMs: number;
  /** null: the peer is not asked whether it is there. */
  readonly keepalive: KeepaliveTimes | null;
  readonly isServer: boolean;
  /** Extended CONNECT (RFC 8441). */
  readonly offersConnect: boolean;
}

/** Who hears of what is not the same on both sides. */
export interface LinkOwner {
  onHeaders(id: number, end: boolean, block: Buffer, start: number, last: number): void;
  /** All of one input was read. */
  onRead(): void;
  onSettings(): void;
  onGoaway(lastId: number, code: number): void;
  onStreamClosed(): void;
  /** The peer takes nothing of it. */
  onWriteStalled(stream: Http2Stream): void;
  /** The peer did not answer a question in time. */
  onSilence(): void;
  /** What a stream ends with that the peer has reset. */
  resetError(code: number): ProxyError;
  onFlood(flood: Flood): void;
  /** The connection ends for what the peer did. */
  onBroken(code: number, reason: string): void;
}

const DEFAULT_WINDOW: number = DEFAULT_SETTINGS.initialWindowSize;
const DEFAULT_FRAME_SIZE: number = DEFAULT_SETTINGS.maxFrameSize;
/** Frames of bodies are not made larger, whatever the peer allows: others want their turn. */
const MOST_FRAME = DEFAULT_FRAME_SIZE;
/** The identifier that stands for every stream that may still come. */
const ALL_STREAMS = 2 ** 31 - 1;
/** A peer that was told that the connection ends has so long to go (milliseconds). */
const CLOSE_MS = 1_000;
const NO_FIELDS: HeaderList = [];

export class Link implements StreamLink, FrameHandler, SettingsSink, OutputOwner {
  readonly streams = new StreamTable();
  readonly output: Output;
  readonly sender: FrameSender;
  /** The peer's word. */
  maxFrameSize = DEFAULT_FRAME_SIZE;
  peerMaxStreams = Number.POSITIVE_INFINITY;
  peerOffersConnect = false;
  sendWindow = DEFAULT_WINDOW;
  /** Greater identifiers are of streams that nobody has opened, by them and by us. */
  lastPeerId = 0;
  lastOwnId = 0;
  /** The peer's first SETTINGS have come. */
  isSettled = false;
  isEnding = false;
  #peerStreamWindow = DEFAULT_WINDOW;
  readonly #receives: ReceiveWindow;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #closedStreams = new ClosedStreams();
  readonly #flood = new FloodGuard();
  readonly #queue: SendQueue;
  readonly #awake: Http2Stream[] = [];
  readonly #unsettled: Http2Stream[] = [];
  readonly #socket: Socket;
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner;
  readonly #clock: Clock;
  #closeTimer: Timer | null = null;
  #keepalive: Keepalive | null = null;

  constructor(socket: Socket, options: LinkOptions, owner: LinkOwner, clock: Clock) {
    this.#socket = socket;
    this.#options = options;
    this.#owner = owner;
    this.#clock = clock;
    this.output = new Output(socket, this);
    this.sender = new FrameSender(this.output);
    const size = Math.max(options.initialConnectionWindow, DEFAULT_WINDOW);
    this.#receives = new ReceiveWindow(size, this.sender, clock);
    this.#decoder = new HpackDecoder(undefined, { bytes: options.maxHeadersBytes, fields: options.maxHeadersCount });
    this.#reader = new FrameReader(this, { preface: options.isServer });
    this.#queue = new SendQueue(this.output, clock, options.writeStallMs, (stream) => this.#onStalled(stream));
  }

  /** Our first frames. */
  begin(): void {
    const { initialStreamWindow, maxConcurrentStreams, maxHeadersBytes, isServer, offersConnect } = this.#options;
    const pairs = [SETTING.INITIAL_WINDOW_SIZE, initialStreamWindow, SETTING.MAX_HEADER_LIST_SIZE, maxHeadersBytes];
    if (isServer) pairs.push(SETTING.MAX_CONCURRENT_STREAMS, maxConcurrentStreams);
    else pairs.push(SETTING.ENABLE_PUSH, 0);
    if (offersConnect) pairs.push(SETTING.ENABLE_CONNECT_PROTOCOL, 1);
    if (!isServer) this.sender.preface();
    this.sender.settings(pairs);
    const more = this.#receives.size - DEFAULT_WINDOW;
    if (more > 0) this.sender.windowUpdate(0, more);
    const { keepalive } = this.#options;
    if (keepalive !== null)
      this.#keepalive = new Keepalive(this.sender, keepalive, this.#clock, () => this.#owner.onSilence());
  }

  get blocked(): boolean {
    return this.output.blocked;
  }

  get receiveWindow(): number {
    return this.#options.initialStreamWindow;
  }

  open(stream: Http2Stream, id: number): void {
    stream.begin(id, this.#peerStreamWindow, this.#clock.turn());
    this.streams.add(stream);
    this.#flood.opened();
  }

  read(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let stream = this.#unsettled.pop(); stream !== undefined; stream = this.#unsettled.pop()) stream.settle();
    if (!this.isEnding && this.#reader.unknownFrames > MOST_UNKNOWN_FRAMES)
      this.#floods('inbound_unknown_frames_flood');
    this.#owner.onRead();
  }

  /** The fields of a block, null to drop them. false: the connection ended over it. `too-large` leaves it in step. */
  decode(block: Buffer, start: number, last: number, sink: FieldSink | null): 'ok' | 'too-large' | false {
    const decoded = this.#decoder.decode(block, start, last, sink);
    if (decoded !== 'compression') return decoded;
    this.fail(H2_ERROR.COMPRESSION_ERROR, 'a field block that cannot be decoded');
    return false;
  }

  // What the frame reader tells.

  onHeaders(id: number, end: boolean, block: Buffer, start: number, last: number, dependsOn: number): void {
    this.#owner.onHeaders(id, end, block, start, last);
    if (dependsOn === id) this.onStreamFault(id, H2_ERROR.PROTOCOL_ERROR, 'a stream that depends on itself');
  }

  onData(id: number, flags: number, bytes: Buffer, start: number, end: number, counted: number, frameEnds: boolean) {
    const last = frameEnds && (flags & FLAG.END_STREAM) !== 0;
    if (!this.#receives.use(counted)) this.fail(H2_ERROR.FLOW_CONTROL_ERROR, 'more data than the connection allows');
    if (this.isEnding || this.#floods(this.#flood.data(last ? 1 : end - start))) return;
    const stream = this.streams.get(id);
    if (stream === undefined) this.onStrayFrame(id, 'DATA');
    else if (stream.remoteEnded) this.peerFault(stream, H2_ERROR.STREAM_CLOSED, H2_FAULT.closedStream);
    else if (!stream.takesData) this.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, H2_FAULT.messaging);
    else stream.receive(bytes, start, end, counted, frameEnds, last);
  }

  /** A frame of a stream that is not open: late, or wrong (RFC 9113 5.1). */
  onStrayFrame(id: number, what: string): void {
    if (this.#isIdle(id)) {
      this.fail(H2_ERROR.PROTOCOL_ERROR, `${what} on a stream that was never opened`);
      return;
    }
    const how = this.#closedStreams.how(id);
    if (how === CLOSED.BY_US) return;
    if (how === CLOSED.BY_PEER) this.refuse(id, H2_ERROR.STREAM_CLOSED);
    else this.fail(H2_ERROR.STREAM_CLOSED, `${what} on a stream that is closed`);
  }

  #isIdle(id: number): boolean {
    const isPeers = (id & 1) === (this.#options.isServer ? 1 : 0);
    return id > (isPeers ? this.lastPeerId : this.lastOwnId);
  }

  howClosed(id: number): HowClosed {
    return this.#closedStreams.how(id);
  }

  onFrame(type: number, flags: number, id: number, payload: Buffer, start: number, end: number): void {
    if (this.isEnding) return;
    switch (type) {
      case FRAME.SETTINGS:
        if ((flags & FLAG.ACK) === 0) this.#onSettings(payload, start, end);
        return;
      case FRAME.PING:
        if ((flags & FLAG.ACK) === 0) this.#onPing(payload, start);
        else this.#keepalive?.onAnswer();
        return;
      case FRAME.WINDOW_UPDATE:
        this.#onWindowUpdate(id, payload.readUInt32BE(start) & LARGEST_WINDOW);
        return;
      case FRAME.RST_STREAM:
        this.#onReset(id, payload.readUInt32BE(start));
        return;
      case FRAME.PRIORITY:
        this.#floods(this.#flood.priority());
        return;
      case FRAME.GOAWAY:
        this.#owner.onGoaway(payload.readUInt32BE(start) & ALL_STREAMS, payload.readUInt32BE(start + 4));
    }
  }

  #onSettings(payload: Buffer, start: number, end: number): void {
    if (this.#floods(this.#flood.settings(this.#clock.turn()))) return;
    const code = readSettings(payload, start, end, !this.#options.isServer, this);
    if (code !== H2_ERROR.NO_ERROR) this.fail(code, 'a setting that is not allowed');
    if (this.isEnding) return;
    this.isSettled = true;
    this.sender.settingsAck();
    if (this.#floods(this.#flood.sentControl(this.blocked))) return;
    this.#owner.onSettings();
    this.#queue.pump();
  }

  onSetting(id: number, value: number): void {
    if (id === SETTING.HEADER_TABLE_SIZE) this.sender.encoder.setMaxTableSize(value);
    else if (id === SETTING.MAX_FRAME_SIZE) this.maxFrameSize = Math.min(value, MOST_FRAME);
    else if (id === SETTING.MAX_CONCURRENT_STREAMS) this.peerMaxStreams = value;
    else if (id === SETTING.ENABLE_CONNECT_PROTOCOL) this.peerOffersConnect = value === 1;
    else if (id === SETTING.INITIAL_WINDOW_SIZE) this.#moveWindows(value);
  }

  #moveWindows(value: number): void {
    const by = value - this.#peerStreamWindow;
    this.#peerStreamWindow = value;
    for (const stream of this.streams.all()) {
      stream.sendWindow += by;
      if (stream.sendWindow > LARGEST_WINDOW) this.fail(H2_ERROR.FLOW_CONTROL_ERROR, 'a window beyond 2^31-1');
    }
  }

  #onPing(payload: Buffer, start: number): void {
    if (this.#floods(this.#flood.ping(this.#clock.turn()))) return;
    this.sender.ping(true, payload, start);
    this.#floods(this.#flood.sentControl(this.blocked));
  }

  #onWindowUpdate(id: number, increment: number): void {
    if (this.#floods(this.#flood.windowUpdate())) return;
    if (id === 0) this.#widen(increment);
    else this.#widenStream(id, increment);
    if (!this.isEnding) this.#queue.pump();
  }

  #widen(increment: number): void {
    this.sendWindow += increment;
    if (increment === 0) this.fail(H2_ERROR.PROTOCOL_ERROR, 'WINDOW_UPDATE of nothing');
    else if (this.sendWindow > LARGEST_WINDOW) this.fail(H2_ERROR.FLOW_CONTROL_ERROR, 'a window beyond 2^31-1');
  }

  #widenStream(id: number, increment: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      // On a stream that is closed it is only late.
      if (this.#isIdle(id)) this.onStrayFrame(id, 'WINDOW_UPDATE');
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.peerFault(stream, H2_ERROR.PROTOCOL_ERROR, H2_FAULT.messaging);
    else if (stream.sendWindow > LARGEST_WINDOW) this.peerFault(stream, H2_ERROR.FLOW_CONTROL_ERROR, H2_FAULT.window);
  }

  #onReset(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.#isIdle(id)) this.onStrayFrame(id, 'RST_STREAM');
      return;
    }
    this.#options.counts.rx_reset++;
    const isEarly = this.#isEarly(stream);
    stream.gone(this.#owner.resetError(code), CLOSED.BY_PEER);
    if (isEarly && this.#options.isServer) this.#floods(this.#flood.earlyReset());
  }

  /** A priority that is wrong for its stream alone: counted like a good one, for it is answered besides. */
  onStreamFault(id: number, code: number, _reason: string): void {
    if (this.#floods(this.#flood.priority())) return;
    const stream = this.streams.get(id);
    if (stream !== undefined) this.peerFault(stream, code, H2_FAULT.messaging);
    else this.refuse(id, code);
  }

  /** A stream ends for what the peer did. Such a reset counts like one of its own (CVE-2025-8671). */
  peerFault(stream: Http2Stream, code: number, fault: Fault): void {
    this.#options.counts.rx_messaging_error++;
    const isEarly = this.#isEarly(stream);
    stream.fail(code, fault);
    if (isEarly) this.#floods(this.#flood.earlyReset());
  }

  #isEarly({ openedMs }: Http2Stream): boolean {
    return this.#clock.turn() - openedMs < EARLY_RESET_MS;
  }

  onFault(code: number, reason: string): void {
    if (code === H2_ERROR.ENHANCE_YOUR_CALM) this.#owner.onFlood('inbound_continuation_flood');
    this.fail(code, reason);
  }

  /** true: a bound was passed, and the connection is ending. */
  #floods(flood: Flood | null): boolean {
    if (flood === null) return false;
    this.#owner.onFlood(flood);
    this.fail(H2_ERROR.ENHANCE_YOUR_CALM, flood);
    return true;
  }

  #onStalled(stream: Http2Stream): void {
    this.#options.counts.tx_flush_timeout++;
    this.#owner.onWriteStalled(stream);
  }

  // What a stream asks of its connection.

  data(stream: Http2Stream, piece: Piece, from: number, to: number, end: boolean): void {
    const length = to - from;
    this.sender.data(stream.id, piece, from, to, end);
    stream.sendWindow -= length;
    this.sendWindow -= length;
    if (length > 0) this.#flood.sentData();
  }

  headers(stream: Http2Stream, pseudo: HeaderList, fields: HeaderList, end: boolean): number {
    return this.sender.headers(stream.id, pseudo, fields, end, this.maxFrameSize);
  }

  trailers(stream: Http2Stream, trailers: HeaderList): number {
    return this.headers(stream, NO_FIELDS, trailers, true);
  }

  windowUpdate(stream: Http2Stream, increment: number): void {
    this.sender.windowUpdate(stream.id, increment);
  }

  rst(stream: Http2Stream, code: number): void {
    this.refuse(stream.id, code);
  }

  /** Resets a stream, which need not be open. */
  refuse(id: number, code: number): void {
    this.#closedStreams.add(id, CLOSED.BY_US);
    this.#options.counts.tx_reset++;
    this.sender.rstStream(id, code);
    this.#floods(this.#flood.sentControl(this.blocked));
  }

  waits(stream: Http2Stream): void {
    this.#queue.add(stream);
  }

  unsettled(stream: Http2Stream): void {
    this.#unsettled.push(stream);
  }

  wake(stream: Http2Stream): void {
    this.#awake.push(stream);
    this.output.wake();
  }

  closed(stream: Http2Stream, how: HowClosed): void {
    // One of ours that was given up before its head has no number yet.
    if (stream.id !== 0 && this.streams.delete(stream)) this.#closedStreams.add(stream.id, how);
    this.#queue.delete(stream);
    this.#owner.onStreamClosed();
  }

  // Turns.

  onTurn(): void {
    for (let stream = this.#awake.pop(); stream !== undefined; stream = this.#awake.pop()) stream.deliverKept();
    this.#queue.pump();
  }

  onDrained(): void {
    this.#queue.pump();
  }

  // The end.

  /** Says that no stream after this one is served; all that may still come are, unless it is given. */
  goaway(lastId = ALL_STREAMS): void {
    this.#options.counts.goaway_sent++;
    this.sender.goaway(lastId, H2_ERROR.NO_ERROR, '');
  }

  /** The peer broke the protocol. */
  fail(code: number, reason: string): void {
    if (this.isEnding) return;
    this.#owner.onBroken(code, reason);
    this.end(code, reason);
  }

  /** Says goodbye and ends the connection. Streams that are open are the owner's to end. */
  end(code: number, reason = ''): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.#reader.stop();
    this.#receives.close();
    this.#options.counts.goaway_sent++;
    this.sender.goaway(this.lastPeerId, code, reason);
    this.output.end();
    // What still comes is read and dropped: unread, it would become a reset that takes our goodbye away.
    this.#socket.resume();
    this.#closeTimer = this.#clock.after(CLOSE_MS, () => this.#socket.destroy());
  }

  /** Every stream ends with its connection. */
  abandon(error: ProxyError): void {
    for (const stream of this.streams.all()) stream.gone(error, CLOSED.BY_PEER);
  }

  /** The socket is gone. */
  close(): void {
    this.isEnding = true;
    this.#reader.stop();
    this.#closeTimer?.cancel();
    this.#receives.close();
    this.#keepalive?.stop();
    this.#queue.close();
    this.output.close();
  }
}
