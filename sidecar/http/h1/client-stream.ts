// The asking side of one exchange of an HTTP/1 connection. Its head is held until the first data, so that a
// small request goes out in one write.

import type { ProxyError } from '../../errors.ts';
import { type HeaderList, type RequestHead, removeField, setField } from '../head.ts';
import { type HttpStream, noBytes, type Piece } from '../stream.ts';
import { newWebSocketKey, WEBSOCKET, webSocketAccept } from '../websocket.ts';
import { chunkedEnd, chunkHead } from './chunked.ts';
import { type HeaderCase, requestFieldLines, requestLine } from './format.ts';

/** What a stream asks of its connection. */
export interface ClientConnection {
  readonly headerCase: HeaderCase;
  readonly trailersEnabled: boolean;
  framing(stream: ClientStream, head: RequestHead, end: boolean): string;
  write(text: string): boolean;
  writeBody(before: string, chunk: Piece, after: string): boolean;
  /** The request is sent whole. */
  requestSent(): void;
  halfClose(): void;
  /** The exchange is given up. */
  cancel(): void;
  drainedReader(): void;
  pauseReading(): void;
  resumeReading(): void;
}

export class ClientStream implements HttpStream<RequestHead> {
  readonly wire = noBytes();
  method = '';
  upgrade: string | null = null;
  /** What belongs to the key that we sent; null: the key is the client's, who looks at the answer. */
  accept: string | null = null;
  expectsContinue = false;
  chunked = false;
  tunnel = false;
  sent = false;
  #head: RequestHead | null = null;
  #connection: ClientConnection | null;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  detach(): void {
    this.#connection = null;
  }

  sendHead(head: RequestHead, end: boolean): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.method = head.method;
    this.upgrade = head.upgrade;
    this.expectsContinue = head.expectsContinue;
    if (end) {
      this.sent = true;
      connection.write(this.#headText(connection, head, true));
    } else {
      this.#head = head;
      process.nextTick(flushHead, this);
    }
  }

  #headText(connection: ClientConnection, head: RequestHead, end: boolean): string {
    if (head.upgrade !== null) this.#prepareUpgrade(head);
    // No body came: there is nothing for which a 100 could be waited.
    if (end && head.expectsContinue) removeField(head.headers, 'expect');
    const fields = requestFieldLines(head, connection.framing(this, head, end), connection.headerCase);
    const text = requestLine(head) + fields + '\r\n';
    this.wire.sent += text.length;
    this.wire.sentFields = fields.length;
    return text;
  }

  /** A request that came over HTTP/2 has no key. */
  #prepareUpgrade({ upgrade, version, headers }: RequestHead): void {
    removeField(headers, 'content-length');
    if (upgrade !== WEBSOCKET || version !== 20) return;
    const key = newWebSocketKey();
    setField(headers, 'sec-websocket-key', key);
    this.accept = webSocketAccept(key);
  }

  flush(): void {
    const head = this.#head;
    this.#head = null;
    if (head !== null && this.#connection !== null)
      this.#connection.write(this.#headText(this.#connection, head, false));
  }

  sendData(chunk: Piece, end: boolean): boolean {
    const connection = this.#connection;
    if (connection === null || this.sent) return true;
    const head = this.#head;
    this.#head = null;
    const before = head === null ? '' : this.#headText(connection, head, end && chunk.length === 0);
    const more = this.chunked ? this.#inChunks(connection, before, chunk, end) : this.#plain(connection, before, chunk);
    if (end) this.#done(connection);
    return more;
  }

  #plain(connection: ClientConnection, before: string, chunk: Piece): boolean {
    this.wire.sent += chunk.length;
    if (chunk.length > 0) return connection.writeBody(before, chunk, '');
    return before.length === 0 || connection.write(before);
  }

  #inChunks(connection: ClientConnection, before: string, chunk: Piece, end: boolean): boolean {
    const tail = end ? chunkedEnd([]) : '';
    this.wire.sent += tail.length;
    if (chunk.length === 0) return before.length + tail.length === 0 || connection.write(before + tail);
    const size = chunkHead(chunk.length);
    this.wire.sent += size.length + chunk.length + 2;
    return connection.writeBody(before + size, chunk, `\r\n${tail}`);
  }

  #done(connection: ClientConnection): void {
    this.sent = true;
    if (this.tunnel) connection.halfClose();
    else connection.requestSent();
  }

  sendTrailers(trailers: HeaderList): void {
    const connection = this.#connection;
    if (connection === null || this.sent) return;
    this.flush();
    if (this.chunked) connection.write(chunkedEnd(connection.trailersEnabled ? trailers : []));
    this.#done(connection);
  }

  /** The exchange is given up: the connection cannot be used by another. */
  reset(_error: ProxyError): void {
    this.#connection?.cancel();
  }

  pause(): void {
    this.#connection?.pauseReading();
  }

  resume(): void {
    this.#connection?.resumeReading();
  }

  drained(): void {
    this.#connection?.drainedReader();
  }
}

function flushHead(stream: ClientStream): void {
  stream.flush();
}
