// A server codec as the connection manager sees it, whichever version it speaks: whom it asks to serve a
// request, what it tells of its connection, and how it is ended.

import type { RequestHead, ResponseHead } from './head.ts';
import type { HttpStream, StreamReader } from './stream.ts';

/** What is wrong with a message. Judged once, by the codec that reads it. */
export interface Fault {
  /** %RESPONSE_CODE_DETAILS% of the answer to a bad request. */
  readonly details: string;
  readonly status: number;
  /** For a person: what was wrong. */
  readonly reason: string;
  /** false: well-formed, but not acceptable (a missing Host, a head that took too long). */
  readonly protocolError: boolean;
}

/** What serves one request. Besides the seam: a request that cannot be read to its end. */
export interface RequestReader extends StreamReader<RequestHead> {
  /** Answer with the fault's status if nothing was answered yet; the codec sees to what becomes of the connection. */
  onFault(fault: Fault): void;
}

/** What may end or slow a connection by rule. */
export type ConnectionLimit = 'idle' | 'duration' | 'requests' | 'delayed-close' | 'early-bytes' | 'early-bytes-read';

export interface ServerHandler {
  /** A request begins. */
  onStream(stream: HttpStream<ResponseHead>): RequestReader;
  onLimit(limit: ConnectionLimit): void;
  /** `by` whom the connection was ended, and whether a request was under way. */
  onClose(by: 'local' | 'remote', during: boolean): void;
}

export interface ServerCodec {
  /** Bytes that came before the codec was there. */
  accept(bytes: Buffer): void;
  /** No new requests, as far as the version can say so; an idle connection closes after the drain timeout. */
  drain(): void;
  /** The client is told to go elsewhere, and has the drain timeout to go by itself. */
  retire(): void;
  /** Ends the connection at once, whatever is under way. */
  destroy(): void;
}
