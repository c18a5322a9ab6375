// The answering side of one exchange of an HTTP/1 connection. A head that data follows at once waits for it,
// so that a small answer goes out in one write.

import type { ProxyError } from '../../errors.ts';
import { CONNECT } from '../authority.ts';
import { type HeaderList, removeField, type ResponseHead } from '../head.ts';
import { type HttpStream, noBytes, type Piece } from '../stream.ts';
import { chunkedEnd, chunkHead } from './chunked.ts';
import { formatResponse, type HeaderCase, responseFieldLines, statusLine } from './format.ts';

/** What a stream asks of its connection. */
export interface ServerConnection {
  readonly headerCase: HeaderCase;
  readonly trailersEnabled: boolean;
  framing(stream: ServerStream, head: ResponseHead, bodiless: boolean, last: boolean): string;
  write(text: string): boolean;
  writeBody(before: string, chunk: Piece, after: string): boolean;
  /** The answer is complete. */
  answered(stream: ServerStream): void;
  /** The answer cannot be finished. */
  abort(stream: ServerStream): void;
  startTunnel(): void;
  endTunnel(stream: ServerStream): void;
  pauseReading(): void;
  resumeReading(): void;
}

export class ServerStream implements HttpStream<ResponseHead> {
  readonly wire = noBytes();
  method = '';
  version: 10 | 11 = 11;
  upgrade: string | null = null;
  /** The client waits for a 100 before it sends its body. */
  waitsFor100 = false;
  requestDone = false;
  /** The client asked for the end of the connection, or had its share of requests: nothing more will come. */
  lastAsked = false;
  chunked = false;
  unframed = false;
  #head: ResponseHead | null = null;
  #ended = false;
  #tunnel = false;
  readonly #connection: ServerConnection;

  constructor(connection: ServerConnection) {
    this.#connection = connection;
  }

  sendHead(head: ResponseHead, end: boolean, more = false): void {
    if (this.#ended) return;
    if (head.status < 200 && head.status !== 101) {
      if (head.status === 100) this.waitsFor100 = false;
      if (this.version === 11) this.#connection.write(formatResponse(head, 11, '', this.#connection.headerCase));
      return;
    }
    if (head.status === 101) this.#switch(head);
    else if (end) this.#finishWithHead(head);
    else if (more) this.#head = head;
    else this.#connection.write(this.#headText(head, false, false));
  }

  #switch(head: ResponseHead): void {
    this.#tunnel = true;
    this.#connection.write(this.upgrade === CONNECT ? this.#connected(head) : this.#headText(head, false, false));
    this.#connection.startTunnel();
  }

  /** What an upgrade calls a switch is a success of CONNECT, without any framing (RFC 9110 9.3.6). */
  #connected(head: ResponseHead): string {
    removeField(head.headers, 'content-length');
    const text = formatResponse({ ...head, status: 200 }, this.version, '', this.#connection.headerCase);
    this.wire.sent += text.length;
    return text;
  }

  #finishWithHead(head: ResponseHead): void {
    this.#ended = true;
    this.#connection.write(this.#headText(head, true, true));
    this.#connection.answered(this);
  }

  #headText(head: ResponseHead, bodiless: boolean, last: boolean): string {
    const framing = this.#connection.framing(this, head, bodiless, last);
    const fields = responseFieldLines(head.headers, this.#connection.headerCase) + framing;
    const text = statusLine(head.status, this.version) + fields + '\r\n';
    this.wire.sent += text.length;
    this.wire.sentFields = fields.length;
    return text;
  }

  /** Writes a head that waits for data. */
  #flush(): void {
    const head = this.#head;
    if (head === null) return;
    this.#head = null;
    this.#connection.write(this.#headText(head, false, false));
  }

  sendData(chunk: Piece, end: boolean): boolean {
    if (this.#ended) return true;
    const head = this.#head;
    this.#head = null;
    const before = head === null ? '' : this.#headText(head, end && chunk.length === 0, end);
    const more = this.chunked ? this.#inChunks(before, chunk, end) : this.#plain(before, chunk);
    if (end) this.#end();
    return more;
  }

  #plain(before: string, chunk: Piece): boolean {
    if (chunk.length > 0 && this.method !== 'HEAD') {
      this.wire.sent += chunk.length;
      return this.#connection.writeBody(before, chunk, '');
    }
    return before.length === 0 || this.#connection.write(before);
  }

  #inChunks(before: string, chunk: Piece, end: boolean): boolean {
    const tail = end ? chunkedEnd([]) : '';
    this.wire.sent += tail.length;
    if (chunk.length === 0) return before.length + tail.length > 0 ? this.#connection.write(before + tail) : true;
    const size = chunkHead(chunk.length);
    this.wire.sent += size.length + chunk.length + 2;
    return this.#connection.writeBody(before + size, chunk, `\r\n${tail}`);
  }

  #end(): void {
    this.#ended = true;
    if (this.#tunnel) this.#connection.endTunnel(this);
    else this.#connection.answered(this);
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.#ended) return;
    this.#flush();
    if (this.chunked) this.#connection.write(chunkedEnd(this.#connection.trailersEnabled ? trailers : []));
    this.#end();
  }

  /** Nothing more goes either way, as far as this side is asked. */
  get #isOver(): boolean {
    return this.#ended && !this.#tunnel;
  }

  reset(_error: ProxyError): void {
    if (this.#isOver) return;
    this.#flush();
    this.#ended = true;
    this.#connection.abort(this);
  }

  pause(): void {
    if (!this.#isOver) this.#connection.pauseReading();
  }

  resume(): void {
    if (!this.#isOver) this.#connection.resumeReading();
  }
}
