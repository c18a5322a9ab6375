// The asking side of one exchange over HTTP/2.

import { FAILURE, type FailureRow, ProxyError } from '../../errors.ts';
import { CONNECT } from '../authority.ts';
import { field, type HeaderList, keepMarks, removeField, type RequestHead, type ResponseHead } from '../head.ts';
import type { Fault } from '../server.ts';
import type { HttpStream, StreamReader } from '../stream.ts';
import { WEBSOCKET, webSocketAccept } from '../websocket.ts';
import { CLOSED } from './closed-streams.ts';
import { H2_ERROR } from './frames/error-codes.ts';
import { type BodyReader, Http2Stream, type StreamLink } from './stream.ts';

/** What a stream asks of the client it belongs to. */
export interface StreamOpener {
  /** null: the peer has not said yet. */
  readonly offersConnect: boolean | null;
  /** Calls `settled` once the peer has said whether it takes extended CONNECT, or does not say so in time. */
  awaitSettings(stream: ClientStream): void;
  /** Gives the stream its number. */
  begin(stream: ClientStream): void;
  /** A head was read and waits for what follows it. */
  promise(stream: ClientStream): void;
}

/** Interim answers before the final one; more is a flood. */
const MOST_INTERIM = 8;
const EMPTY = Buffer.alloc(0);

export class ClientStream extends Http2Stream implements HttpStream<RequestHead> {
  method = '';
  #upgrade: string | null = null;
  /** The client's, who wants an answer to it. */
  #key: string | null = null;
  /** Waits for the peer's word on extended CONNECT. */
  #unsent: RequestHead | null = null;
  #tunnel = false;
  #expectsContinue = false;
  #interim = 0;
  #answered = false;
  /** A final head that waits for what comes with it in the same input. */
  #promised: ResponseHead | null = null;
  #reader: StreamReader<ResponseHead> | null;
  readonly #opener: StreamOpener;

  constructor(link: StreamLink, opener: StreamOpener, reader: StreamReader<ResponseHead>) {
    super(link);
    this.#opener = opener;
    this.#reader = reader;
  }

  protected get reader(): BodyReader | null {
    return this.#reader;
  }

  protected dropReader(): void {
    this.#reader = null;
  }

  protected faulted({ reason }: Fault): void {
    this.#reader?.onReset(new ProxyError(this.#protocolRow, { context: reason }));
  }

  /** A head that waited was not passed on. */
  get #protocolRow(): FailureRow {
    return this.#answered && this.#promised === null ? FAILURE.upstreamCut : FAILURE.upstreamProtocol;
  }

  get answered(): boolean {
    return this.#answered;
  }

  override get takesData(): boolean {
    return this.#answered;
  }

  // The request.

  sendHead(head: RequestHead, end: boolean): void {
    if (this.isClosed || this.localEnded) return;
    this.method = head.method;
    this.#upgrade = head.upgrade;
    this.#expectsContinue = head.expectsContinue;
    if (head.upgrade !== null) {
      this.#askUpgrade(head);
      return;
    }
    this.#opener.begin(this);
    this.countFields(this.link.headers(this, pseudoOf(head), head.headers, end));
    if (end) this.headEnded();
  }

  /** Only where the peer has said that it takes extended CONNECT (RFC 8441 3). */
  #askUpgrade(head: RequestHead): void {
    this.#unsent = head;
    if (head.upgrade === CONNECT) this.settled(true);
    else if (this.#opener.offersConnect === null) this.#opener.awaitSettings(this);
    else if (this.#opener.offersConnect) this.settled(true);
    // Told in the next turn, as no callback runs within a verb.
    else process.nextTick(() => this.settled(false));
  }

  /** The peer takes extended CONNECT, or it does not. */
  settled(offersConnect: boolean): void {
    const head = this.#unsent;
    if (head === null || this.isClosed) return;
    this.#unsent = null;
    if (!offersConnect) {
      const context = 'the upstream has not announced extended CONNECT';
      this.gone(new ProxyError(FAILURE.upgradeNotOffered, { context }), CLOSED.BY_US);
      return;
    }
    if (head.upgrade === WEBSOCKET) this.#key = field(head.headers, 'sec-websocket-key');
    this.#opener.begin(this);
    this.countFields(this.link.headers(this, pseudoOf(head), withoutUpgrade(head.headers), false));
  }

  /** Nothing: the answer is still to come. */
  protected localDone(): void {}

  // The answer.

  /** A head that was read; false where it breaks the rules. `length` by Content-Length; -1: not said. */
  receiveHead(head: ResponseHead, end: boolean, length: number): boolean {
    if (head.status < 200) return this.#receiveInterim(head, end);
    this.#answered = true;
    if (this.#upgrade !== null && head.status < 300) {
      this.#switch(head, this.#upgrade, end);
      return true;
    }
    const isBodiless = this.method === 'HEAD' || head.status === 204 || head.status === 304;
    // What may have no body is malformed with one (RFC 9113 8.1.1): to a reader of HTTP/1.1 it would be the next answer.
    if (!end && !this.#tunnel) this.lengthLeft = isBodiless ? 0 : length;
    if (end && length > 0 && !isBodiless) return false;
    if (!end) {
      this.#promised = head;
      // One that says that nothing follows waits until that is so.
      if (this.lengthLeft !== 0) this.#opener.promise(this);
      return true;
    }
    const reader = this.#reader;
    this.remoteHeadEnded();
    reader?.onHead(head, true, false);
    this.readDone();
    return true;
  }

  #receiveInterim(head: ResponseHead, end: boolean): boolean {
    if (end || ++this.#interim > MOST_INTERIM) return false;
    // A 100 that nobody asked for is not passed on.
    if (head.status !== 100 || this.#expectsContinue) this.#reader?.onHead(head, false, false);
    return true;
  }

  /** A success is what HTTP/1.1 calls a switch (RFC 8441 5). */
  #switch(head: ResponseHead, upgrade: string, end: boolean): void {
    this.#tunnel = true;
    head.status = 101;
    removeField(head.headers, 'content-length');
    removeField(head.headers, 'sec-websocket-accept');
    if (upgrade !== CONNECT) head.headers.push('upgrade', upgrade);
    if (this.#key !== null) head.headers.push('sec-websocket-accept', webSocketAccept(this.#key));
    this.#promised = head;
    this.#opener.promise(this);
    if (end) this.receive(EMPTY, 0, 0, 0, true, true);
  }

  /** `more`: something follows within this call. */
  flushHead(more: boolean): void {
    const head = this.#promised;
    if (head === null) return;
    this.#promised = null;
    this.#reader?.onHead(head, false, more);
  }

  protected override beforeRead(): void {
    this.flushHead(true);
  }

  /** An answer that is over before its request: the rest is not sent (RFC 9113 8.1). */
  protected override readDone(): void {
    if (!this.isClosed && !this.#tunnel) this.cancel(H2_ERROR.CANCEL);
  }

  override gone(error: ProxyError, how: Parameters<Http2Stream['gone']>[1]): void {
    if (this.lengthLeft !== 0) this.flushHead(false);
    super.gone(error, how);
  }
}

function pseudoOf(head: RequestHead): HeaderList {
  const { method, scheme, authority, path, upgrade } = head;
  if (upgrade !== null && upgrade !== CONNECT)
    return [':method', 'CONNECT', ':protocol', upgrade, ':scheme', scheme, ':authority', authority, ':path', path];
  if (method === 'CONNECT') return [':method', method, ':authority', authority];
  return [':method', method, ':scheme', scheme, ':authority', authority, ':path', path];
}

/** What belongs to the upgrade of HTTP/1.1 alone (RFC 8441 5). */
function withoutUpgrade(headers: HeaderList): HeaderList {
  const kept: HeaderList = keepMarks(headers, []);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name !== 'upgrade' && name !== 'sec-websocket-key' && name !== 'content-length')
      kept.push(name, headers[i + 1] as string);
  }
  return kept;
}
