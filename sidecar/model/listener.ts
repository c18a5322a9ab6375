// Listeners: where to accept, which filter chain a connection belongs to, and what is at its end: the HTTP
// connection manager or a TCP proxy.

import type { Http2Options } from './http2.ts';
import type { AccessLog, LocalReplyConfig } from './access-log.ts';
import type { HttpFilter } from './filter.ts';
import type { Cidr, Fraction } from './match.ts';
import type { NetworkRbac } from './rbac.ts';
import type { HeaderAdd, RouteConfiguration, UpgradeConfig } from './route.ts';
import type { DownstreamTls } from './tls.ts';

export interface SocketAddress {
  /** An IP address, or a Unix socket (core/addresses.ts); then the port is 0. */
  readonly host: string;
  readonly port: number;
}

export interface ListenAddress extends SocketAddress {
  /** Of the file of a Unix socket; 0: as the umask leaves it. */
  readonly mode: number;
}

export interface Listener {
  readonly name: string;
  readonly addresses: readonly ListenAddress[];
  readonly bindToPort: boolean;
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly ipv4Compat: boolean;
  readonly direction: 'unspecified' | 'inbound' | 'outbound';
  readonly statPrefix: string | null;
  readonly chains: readonly FilterChain[];
  readonly defaultChain: FilterChain | null;
  /** tls_inspector is present: SNI, ALPN and "is it TLS?" are known before a chain is chosen. */
  readonly inspectTls: boolean;
  /** http_inspector is present: whether it is HTTP in plain text, and of which version, is known too. */
  readonly inspectHttp: boolean;
  /** Connections come from a balancer that says who its clients are; null: from clients. */
  readonly proxyProtocol: ProxyProtocol | null;
  readonly listenerFiltersTimeoutMs: number;
  readonly continueOnListenerFiltersTimeout: boolean;
  /** Its connections neither count nor are refused under the limit of all connections. */
  readonly ignoresGlobalLimit: boolean;
  /** The same, where the overload manager states that limit. */
  readonly bypassesOverloadManager: boolean;
  /** Bytes that may be buffered for a connection, default 1 MiB. */
  readonly bufferLimit: number;
  readonly accessLogs: readonly AccessLog[];
}

export interface ProxyProtocol {
  /** Connections without a header are let in as they are. */
  readonly allowWithout: boolean;
  readonly disallowedVersions: readonly (1 | 2)[];
  readonly statPrefix: string;
}

/** What every chain has; the terminal filter says which kind it is. */
export interface FilterChainParts {
  readonly name: string;
  /** Of all it was told as: two chains with the same are the same. */
  readonly digest: string;
  readonly match: FilterChainMatch;
  readonly tls: DownstreamTls | null;
  readonly transportSocketConnectTimeoutMs: number;
  /** Rules before the terminal filter, in order; each must let a connection in. */
  readonly rbac: readonly NetworkRbac[];
}

export interface HttpFilterChain extends FilterChainParts {
  readonly kind: 'http';
  readonly http: HttpConnectionManager;
}

export interface TcpFilterChain extends FilterChainParts {
  readonly kind: 'tcp';
  readonly tcp: TcpProxy;
}

export type FilterChain = HttpFilterChain | TcpFilterChain;

/** Empty lists and nulls match everything; chains are chosen by Envoy's order of specificity. */
export interface FilterChainMatch {
  readonly destinationPort: number | null;
  readonly prefixRanges: readonly Cidr[];
  readonly serverNames: readonly string[];
  readonly transportProtocol: '' | 'tls' | 'raw_buffer';
  readonly applicationProtocols: readonly string[];
  readonly directSourcePrefixRanges: readonly Cidr[];
  readonly sourceType: 'any' | 'local' | 'external';
  readonly sourcePrefixRanges: readonly Cidr[];
  readonly sourcePorts: readonly number[];
}

export interface TcpProxy {
  readonly statPrefix: string;
  /** At least one; each new connection, and each attempt to connect, goes to one by its weight. */
  readonly clusters: readonly TcpWeight[];
  readonly totalWeight: number;
  /** Without a byte in either direction; 0: no limit. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  /** 0: no limit. */
  readonly maxConnectionDurationMs: number;
  readonly accessLogs: readonly AccessLog[];
  /** A line each time so much has passed while the connection is open; 0: none. */
  readonly accessLogIntervalMs: number;
  /** A line when the upstream is connected. */
  readonly logOnConnected: boolean;
}

export interface TcpWeight {
  readonly name: string;
  readonly weight: number;
}

export interface HttpConnectionManager {
  readonly statPrefix: string;
  readonly codec: 'auto' | 'http1' | 'http2';
  readonly routes:
    | { readonly kind: 'inline'; readonly config: RouteConfiguration }
    | { readonly kind: 'rds'; readonly name: string };
  /** The last one is the router. */
  readonly filters: readonly HttpFilter[];
  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  readonly useRemoteAddress: boolean;
  readonly xffTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly internalRanges: readonly Cidr[];
  readonly unixSocketsInternal: boolean;
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly packTraceReason: boolean;
  readonly forwardClientCert: 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only';
  readonly setClientCert: {
    readonly subject: boolean;
    readonly cert: boolean;
    readonly chain: boolean;
    readonly dns: boolean;
    readonly uri: boolean;
  };
  readonly via: string;
  readonly addUserAgent: boolean;
  readonly appendXForwardedPort: boolean;
  readonly streamIdleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly delayedCloseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  readonly maxHeadersCount: number;
  readonly maxHeadersBytes: number;
  readonly underscoresInHeaders: 'allow' | 'reject' | 'drop';
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape-and-redirect' | 'unescape-and-forward';
  readonly stripPort: 'keep' | 'matching' | 'any';
  readonly stripTrailingHostDot: boolean;
  readonly schemeOverwrite: 'http' | 'https' | null;
  readonly schemeMatchUpstream: boolean;
  readonly proxy100Continue: boolean;
  readonly http1: Http1ServerOptions;
  readonly http2: Http2Options;
  readonly upgrades: readonly UpgradeConfig[];
  readonly accessLogs: readonly AccessLog[];
  readonly accessLogIntervalMs: number;
  readonly localReply: LocalReplyConfig | null;
  readonly tracing: Tracing | null;
}

export interface Http1ServerOptions {
  readonly acceptHttp10: boolean;
  /** Methods that are not registered are taken too. */
  readonly customMethods: boolean;
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  readonly allowAbsoluteUrl: boolean;
  /** 'proper-case' writes `Content-Type`; 'lower' as HTTP/2 does. */
  readonly headerCase: 'lower' | 'proper-case';
}

export interface Tracing {
  readonly clientSampling: Fraction;
  readonly randomSampling: Fraction;
  readonly overallSampling: Fraction;
  readonly verbose: boolean;
  readonly spawnUpstreamSpan: boolean;
  readonly customTags: readonly CustomTag[];
  /** null: requests are sampled and marked, but no spans are sent. */
  readonly provider: TracingProvider | null;
}

/** OTLP over HTTP. */
export interface TracingProvider {
  /** '': unknown_service:fairlead. */
  readonly serviceName: string;
  /** Whole URL, e.g. `http://collector:4318/v1/traces`; its path and host go into the request. */
  readonly uri: string;
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly headers: readonly HeaderAdd[];
}

export type CustomTag = { readonly tag: string } & (
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'environment'; readonly name: string; readonly defaultValue: string }
  | { readonly kind: 'request-header'; readonly name: string; readonly defaultValue: string }
);
