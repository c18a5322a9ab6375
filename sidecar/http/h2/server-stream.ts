// The answering side of one exchange over HTTP/2.

import { FAILURE, ProxyError } from '../../errors.ts';
import { type HeaderList, keepMarks, type RequestHead, type ResponseHead } from '../head.ts';
import type { Fault, RequestReader } from '../server.ts';
import type { HttpStream } from '../stream.ts';
import { H2_ERROR } from './frames/error-codes.ts';
import { type BodyReader, Http2Stream } from './stream.ts';

const EMPTY = Buffer.alloc(0);
const STATUS: (HeaderList | undefined)[] = [];

/** The pseudo fields of an answer, made once. */
function pseudoOf(status: number): HeaderList {
  STATUS[status] ??= [':status', String(status)];
  return STATUS[status];
}

/** Fields of a 101 that a success to CONNECT does not have (RFC 9110 9.3.6, RFC 8441 5). */
const OF_THE_SWITCH = new Set(['upgrade', 'sec-websocket-accept', 'content-length']);

export class ServerStream extends Http2Stream implements HttpStream<ResponseHead> {
  #reader: RequestReader | null = null;
  /** After an upgrade each side ends for itself. */
  #tunnel = false;
  /** A head that says that nothing follows, until that is so. */
  #unconfirmed: RequestHead | null = null;
  /** An upgrade that is not granted yet: what comes early means nothing before that. */
  #holding = false;
  #pausedByReader = false;

  attach(reader: RequestReader): void {
    this.#reader = reader;
  }

  /** The request is sound: it begins. `length` by Content-Length; -1: not said. */
  start(head: RequestHead, end: boolean, length: number): void {
    if (head.upgrade !== null) {
      this.#startUpgrade(head, end);
      return;
    }
    this.lengthLeft = end ? -1 : length;
    if (length === 0 && !end && !head.expectsContinue) {
      this.#unconfirmed = head;
      return;
    }
    this.#reader?.onHead(head, end, false);
    if (end && !this.isClosed) this.remoteHeadEnded();
  }

  protected override beforeRead(): void {
    const head = this.#unconfirmed;
    if (head === null) return;
    this.#unconfirmed = null;
    this.#reader?.onHead(head, false, false);
  }

  #startUpgrade(head: RequestHead, end: boolean): void {
    this.#holding = true;
    super.pause();
    this.#reader?.onHead(head, false, false);
    if (end && !this.isClosed) this.receive(EMPTY, 0, 0, 0, true, true);
  }

  override pause(): void {
    this.#pausedByReader = true;
    super.pause();
  }

  override resume(): void {
    this.#pausedByReader = false;
    if (!this.#holding) super.resume();
  }

  /** The request is answered for what it is. */
  refuseHead(fault: Fault): void {
    this.#reader?.onFault(fault);
  }

  protected get reader(): BodyReader | null {
    return this.#reader;
  }

  protected dropReader(): void {
    this.#reader = null;
  }

  protected faulted(fault: Fault): void {
    this.#reader?.onFault(fault);
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.isClosed || this.localEnded) return;
    if (head.status === 101) this.#switch(head);
    else {
      this.countFields(this.link.headers(this, pseudoOf(head.status), head.headers, end));
      if (end) this.headEnded();
    }
  }

  /** What HTTP/1.1 calls a switch is a success here (RFC 8441 5). */
  #switch(head: ResponseHead): void {
    this.#tunnel = true;
    this.#holding = false;
    const fields: HeaderList = keepMarks(head.headers, []);
    for (let i = 0; i < head.headers.length; i += 2) {
      const name = head.headers[i] as string;
      if (!OF_THE_SWITCH.has(name)) fields.push(name, head.headers[i + 1] as string);
    }
    this.countFields(this.link.headers(this, pseudoOf(200), fields, false));
    if (!this.#pausedByReader) super.resume();
  }

  /** The answer is complete: what of the request was not read nobody wants any more (RFC 9113 8.1). */
  protected localDone(): void {
    if (this.#tunnel) return;
    this.dropReader();
    if (this.remoteEnded) this.dropRest();
    else this.cancel(H2_ERROR.NO_ERROR);
  }

  /** The answer cannot be finished. */
  override reset(error: ProxyError): void {
    const isOurs = error.row.fault === 'ours' || error.row === FAILURE.upstreamCut;
    this.cancel(isOurs ? H2_ERROR.INTERNAL_ERROR : H2_ERROR.CANCEL);
  }

  /** Nothing is written and nobody reads: the time for that is over. */
  stalled(): void {
    const reader = this.#reader;
    this.cancel(H2_ERROR.CANCEL);
    reader?.onReset(new ProxyError(FAILURE.downstreamGone, { context: 'the client did not take the answer in time' }));
  }
}
