// What a server codec is given and whom it talks to: its limits, who serves a request, who hears of the
// connection.

import type { RequestHead, ResponseHead } from '../head.ts';
import type { HttpStream, StreamReader } from '../stream.ts';
import type { Fault } from './fault.ts';
import type { HeaderCase } from './format.ts';
import type { RequestRules } from './parse.ts';

export interface Http1ServerOptions extends RequestRules {
  readonly scheme: 'http' | 'https';
  readonly enableTrailers: boolean;
  readonly headerCase: HeaderCase;
  /** How long to wait for the client to close after a last answer. */
  readonly delayedCloseMs: number;
  /** Without a request for so long, the connection is drained. 0: never. */
  readonly idleTimeoutMs: number;
  /** After draining began, how long until an idle connection is closed. */
  readonly drainTimeoutMs: number;
  /** From the first byte of a request to the end of its head. 0: no limit. */
  readonly requestHeadersTimeoutMs: number;
  /** 0: no limit. */
  readonly maxConnectionDurationMs: number;
  /** 0: no limit. */
  readonly maxRequests: number;
}

/** What serves one request. Besides the seam: a request that cannot be read to its end. */
export interface RequestReader extends StreamReader<RequestHead> {
  /** Answer with the fault's status if nothing was answered yet; the connection closes afterwards. */
  onFault(fault: Fault): void;
}

/** What may end or slow a connection by rule. */
export type ConnectionLimit = 'idle' | 'duration' | 'requests' | 'delayed-close' | 'early-bytes' | 'early-bytes-read';

export interface Http1ServerHandler {
  /** The first byte of a request arrived. */
  onStream(stream: HttpStream<ResponseHead>): RequestReader;
  onLimit(limit: ConnectionLimit): void;
  /** `by` whom the connection was ended, and whether a request was under way. */
  onClose(by: 'local' | 'remote', during: boolean): void;
}
