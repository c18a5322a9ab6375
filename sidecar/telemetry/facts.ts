// What is known of one request when its log line, added header or span is written. The Exchange is one of
// these; telemetry itself never sees sockets, routes or pools.

export interface AddressFacts {
  /** An IP address, or a Unix socket (core/addresses.ts); '': none is known. */
  readonly host: string;
  readonly port: number;
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hex without colons. */
  readonly fingerprint256: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly pem: string;
}

export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** The peer's certificate was verified against a trust bundle. */
  readonly validated: boolean;
  readonly peer: CertificateFacts | null;
  readonly local: CertificateFacts | null;
}

/** Bytes on the wire of one side; of its field lines alone. */
export interface WireFacts {
  readonly received: number;
  readonly receivedFields: number;
  readonly sent: number;
  readonly sentFields: number;
}

export interface ConnectionFacts {
  readonly id: number;
  /** Peer of the connection. */
  readonly direct: AddressFacts;
  /** The client behind a balancer that said so; absent: the peer. */
  readonly proxied?: AddressFacts;
  /** What the client connected to. */
  readonly local: AddressFacts;
  /** Our end, where a balancer was connected to. */
  readonly directLocal?: AddressFacts;
  /** SNI, or null. */
  readonly serverName: string | null;
  readonly tls: TlsFacts | null;
  readonly terminationDetails: string | null;
  readonly listenerName?: string;
  readonly filterChainName?: string;
  /** Why the handshake with the client failed. */
  readonly transportFailureReason?: string | null;
}

export interface RequestFacts {
  readonly connection: ConnectionFacts;
  /** The client's address: the connection's peer, or what trusted x-forwarded-for says. */
  readonly remote: AddressFacts;
  /** Wall clock at the first byte, ms since 1970. */
  readonly startWallMs: number;
  // Monotonic marks in ms; -1: not reached.
  readonly startMs: number;
  readonly requestEndMs: number;
  readonly upstreamTxStartMs: number;
  readonly upstreamTxEndMs: number;
  readonly upstreamRxStartMs: number;
  readonly upstreamRxEndMs: number;
  readonly responseStartMs: number;
  readonly endMs: number;
  /** 'HTTP/1.1', or null before a head was read. */
  readonly protocol: string | null;
  /** First value by lower-case name, pseudo-headers included. */
  requestHeader(name: string): string | null;
  /** Every value joined by ',' as Envoy logs a repeated header. */
  requestHeaderJoined(name: string): string | null;
  /** Every value, each alone; without it, matchers see the first. */
  requestHeaderValues?(name: string): readonly string[];
  responseHeader(name: string): string | null;
  responseHeaderJoined(name: string): string | null;
  responseTrailer(name: string): string | null;
  /** 0: no response began. */
  readonly responseCode: number;
  readonly responseFlags: number;
  readonly responseCodeDetails: string | null;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly requestHeaderBytes: number;
  readonly responseHeaderBytes: number;
  readonly downstreamWire?: WireFacts | null;
  /** Of the last attempt. */
  readonly upstreamWire?: WireFacts | null;
  readonly upstreamBytesSent: number;
  readonly upstreamBytesReceived: number;
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly upstreamCluster: string | null;
  readonly upstreamHost: AddressFacts | null;
  readonly upstreamHostname: string | null;
  readonly upstreamLocal: AddressFacts | null;
  readonly upstreamTls: TlsFacts | null;
  readonly upstreamProtocol: string | null;
  readonly upstreamFailureReason: string | null;
  readonly attemptCount: number;
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly sampled: boolean;
  /** Bytes as latin1. */
  readonly localReplyBody: string;
  /** Route metadata (filter_metadata) by namespace and path. */
  routeMetadata(namespace: string, path: readonly string[]): unknown;
  clusterMetadata(namespace: string, path: readonly string[]): unknown;
  virtualHostMetadata?(namespace: string, path: readonly string[]): unknown;
  upstreamHostMetadata?(namespace: string, path: readonly string[]): unknown;
  /** Every host that was tried, in order. */
  readonly hostsAttempted?: readonly AddressFacts[];
  /** The cluster's name where `upstreamCluster` is its alt_stat_name. */
  readonly upstreamClusterRaw?: string | null;
  readonly upstreamConnectionId?: number | null;
  /** Envoy's name for the moment of the line; absent: the end of a request. */
  readonly accessLogType?: string;
  /** Why we closed the connection to the client. */
  readonly localCloseReason?: string | null;
  /** `RemoteReset`, `LocalReset`; absent: an ordinary end. */
  readonly downstreamCloseType?: string | null;
  readonly upstreamCloseType?: string | null;
}
