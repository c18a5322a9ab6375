// The limits of an HTTP/1 server codec.

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
