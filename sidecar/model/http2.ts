// HTTP/2 towards either side.

export interface Http2Options {
  readonly maxConcurrentStreams: number;
  /** Bytes that a stream may be sent ahead of its reader. */
  readonly initialStreamWindow: number;
  /** Bytes over all streams of a connection. */
  readonly initialConnectionWindow: number;
  /** How often the peer is asked whether it is there, and how long its answer may take (milliseconds); null: never. */
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | null;
  /** Extended CONNECT (RFC 8441). */
  readonly offersConnect: boolean;
}
