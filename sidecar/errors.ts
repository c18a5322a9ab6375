// Every way to fail, one row each: response flag (Envoy's letters), detail name, HTTP status, gRPC code,
// whose fault it was, and what a retry may assume. A ProxyError is a row with its cause and context;
// status, log line, counters and retry all read the row, nobody guesses from a message.

/** Response flags as bits, in the order in which Envoy prints them. */
export const FLAG = {
  LH: 1,
  UH: 2,
  UT: 4,
  LR: 8,
  UR: 16,
  UF: 32,
  UC: 64,
  UO: 128,
  NR: 256,
  DI: 512,
  FI: 1024,
  RL: 2048,
  UAEX: 4096,
  RLSE: 8192,
  DC: 16384,
  URX: 32768,
  SI: 65536,
  IH: 131072,
  DPE: 262144,
  UMSDR: 524288,
  RFCF: 1048576,
  NFCF: 2097152,
  DT: 4194304,
  UPE: 8388608,
  NC: 16777216,
  OM: 33554432,
  DF: 67108864,
  DO: 134217728,
  DR: 268435456,
  UDO: 536870912,
} as const;

export type FlagName = keyof typeof FLAG;

/** Envoy's long names, for formats and for people. */
export const FLAG_NAMES: Readonly<Record<FlagName, string>> = {
  LH: 'FailedLocalHealthCheck',
  UH: 'NoHealthyUpstream',
  UT: 'UpstreamRequestTimeout',
  LR: 'LocalReset',
  UR: 'UpstreamRemoteReset',
  UF: 'UpstreamConnectionFailure',
  UC: 'UpstreamConnectionTermination',
  UO: 'UpstreamOverflow',
  NR: 'NoRouteFound',
  DI: 'DelayInjected',
  FI: 'FaultInjected',
  RL: 'RateLimited',
  UAEX: 'UnauthorizedExternalService',
  RLSE: 'RateLimitServiceError',
  DC: 'DownstreamConnectionTermination',
  URX: 'UpstreamRetryLimitExceeded',
  SI: 'StreamIdleTimeout',
  IH: 'InvalidEnvoyRequestHeaders',
  DPE: 'DownstreamProtocolError',
  UMSDR: 'UpstreamMaxStreamDurationReached',
  RFCF: 'ResponseFromCacheFilter',
  NFCF: 'NoFilterConfigFound',
  DT: 'DurationTimeout',
  UPE: 'UpstreamProtocolError',
  NC: 'NoClusterFound',
  OM: 'OverloadManagerTerminated',
  DF: 'DnsResolutionFailed',
  DO: 'DropOverload',
  DR: 'DownstreamRemoteReset',
  UDO: 'UnconditionalDropOverload',
};

/** The flags joined as Envoy prints them: retry limit first, then in order; '-' for none. */
export function flagText(bits: number): string {
  if (bits === 0) return '-';
  const names: string[] = (bits & FLAG.URX) !== 0 ? ['URX'] : [];
  for (const [name, bit] of Object.entries(FLAG)) {
    if ((bits & bit) !== 0 && name !== 'URX') names.push(name);
  }
  return names.join(',');
}

/** What a retry may assume about the failed attempt. */
export type RetryClass =
  /** Nothing of the request reached a server: any request may be repeated. */
  | 'not-sent'
  /** A reused connection ended without a byte of answer: very likely not processed. */
  | 'reused'
  /** It may have been processed: only idempotent requests may be repeated. */
  | 'maybe-processed'
  /** Never repeated. */
  | 'never';

export interface FailureRow {
  readonly flag: number;
  /** %RESPONSE_CODE_DETAILS%. */
  readonly details: string;
  readonly status: number;
  readonly grpc: number;
  readonly fault: 'downstream' | 'upstream' | 'ours';
  readonly retry: RetryClass;
}

function row(
  flag: number,
  details: string,
  status: number,
  grpc: number,
  fault: FailureRow['fault'],
  retry: RetryClass,
): FailureRow {
  return { flag, details, status, grpc, fault, retry };
}

const UNAVAILABLE = 14;
const DEADLINE = 4;
const INTERNAL = 13;

export const FAILURE = {
  routeNotFound: row(FLAG.NR, 'route_not_found', 404, 12, 'downstream', 'never'),
  clusterNotFound: row(FLAG.NC, 'cluster_not_found', 503, UNAVAILABLE, 'ours', 'never'),
  noHealthyUpstream: row(FLAG.UH, 'no_healthy_upstream', 503, UNAVAILABLE, 'upstream', 'never'),
  overflow: row(FLAG.UO, 'upstream_reset_before_response_started{overflow}', 503, UNAVAILABLE, 'upstream', 'never'),
  dropOverload: row(FLAG.DO, 'drop_overload', 503, UNAVAILABLE, 'upstream', 'never'),
  unconditionalDropOverload: row(FLAG.UDO, 'unconditional_drop_overload', 503, UNAVAILABLE, 'upstream', 'never'),
  connectFailure: row(
    FLAG.UF,
    'upstream_reset_before_response_started{remote_connection_failure}',
    503,
    UNAVAILABLE,
    'upstream',
    'not-sent',
  ),
  connectTimeout: row(
    FLAG.UF,
    'upstream_reset_before_response_started{connection_timeout}',
    503,
    UNAVAILABLE,
    'upstream',
    'not-sent',
  ),
  /** The connection was there and reset before we could say anything on it. */
  closedAtOnce: row(
    FLAG.UC,
    'upstream_reset_before_response_started{connection_termination}',
    503,
    UNAVAILABLE,
    'upstream',
    'not-sent',
  ),
  reusedClosed: row(
    FLAG.UC,
    'upstream_reset_before_response_started{connection_termination}',
    503,
    UNAVAILABLE,
    'upstream',
    'reused',
  ),
  upstreamClosed: row(
    FLAG.UC,
    'upstream_reset_before_response_started{connection_termination}',
    503,
    UNAVAILABLE,
    'upstream',
    'maybe-processed',
  ),
  upstreamReset: row(
    FLAG.UR,
    'upstream_reset_before_response_started{remote_reset}',
    503,
    UNAVAILABLE,
    'upstream',
    'maybe-processed',
  ),
  /** The upstream says that it did nothing with the request: REFUSED_STREAM, or GOAWAY with an earlier stream. */
  refusedStream: row(
    FLAG.UR,
    'upstream_reset_before_response_started{remote_refused_stream_reset}',
    503,
    UNAVAILABLE,
    'upstream',
    'not-sent',
  ),
  upstreamProtocol: row(
    FLAG.UPE,
    'upstream_reset_before_response_started{protocol_error}',
    502,
    UNAVAILABLE,
    'upstream',
    'maybe-processed',
  ),
  /** An upgrade over HTTP/2 to a peer that has not announced extended CONNECT (RFC 8441). */
  upgradeNotOffered: row(
    FLAG.UPE,
    'upstream_reset_before_response_started{extended_connect_not_announced}',
    502,
    UNAVAILABLE,
    'upstream',
    'never',
  ),
  upstreamCut: row(
    FLAG.UPE,
    'upstream_reset_after_response_started{protocol_error}',
    502,
    UNAVAILABLE,
    'upstream',
    'never',
  ),
  responseTimeout: row(FLAG.UT, 'response_timeout', 504, DEADLINE, 'upstream', 'never'),
  perTryTimeout: row(FLAG.UT, 'upstream_per_try_timeout', 504, DEADLINE, 'upstream', 'maybe-processed'),
  perTryIdleTimeout: row(FLAG.UT, 'upstream_per_try_idle_timeout', 504, DEADLINE, 'upstream', 'maybe-processed'),
  streamIdle: row(FLAG.SI, 'stream_idle_timeout', 408, DEADLINE, 'downstream', 'never'),
  requestHeadersTimeout: row(0, 'request_header_timeout', 408, DEADLINE, 'downstream', 'never'),
  requestTimeout: row(0, 'request_overall_timeout', 408, DEADLINE, 'downstream', 'never'),
  maxStreamDuration: row(0, 'max_duration_timeout', 504, DEADLINE, 'ours', 'never'),
  upstreamMaxStreamDuration: row(FLAG.UMSDR, 'upstream_max_stream_duration_reached', 504, DEADLINE, 'ours', 'never'),
  downstreamGone: row(FLAG.DC, 'downstream_remote_disconnect', 0, 1, 'downstream', 'never'),
  downstreamReset: row(FLAG.DR, 'http2.remote_reset', 0, 1, 'downstream', 'never'),
  downstreamProtocol: row(FLAG.DPE, 'http1.codec_error', 400, INTERNAL, 'downstream', 'never'),
  headersTooLarge: row(FLAG.DPE, 'http1.headers_too_large', 431, 8, 'downstream', 'never'),
  tooManyHeaders: row(FLAG.DPE, 'http1.too_many_headers', 431, 8, 'downstream', 'never'),
  missingHost: row(0, 'missing_host_header', 400, 3, 'downstream', 'never'),
  absoluteUrl: row(0, 'absolute_path_rejected', 404, 12, 'downstream', 'never'),
  misdirected: row(0, 'misdirected_request', 421, 2, 'downstream', 'never'),
  loopDetected: row(0, 'via_hop_limit', 508, 8, 'downstream', 'never'),
  pathNormalization: row(0, 'path_normalization_failed', 400, 3, 'downstream', 'never'),
  unexpectedUnderscore: row(FLAG.DPE, 'http1.unexpected_underscore', 400, 3, 'downstream', 'never'),
  upgradeFailed: row(0, 'upgrade_failed', 403, 7, 'downstream', 'never'),
  webSocketVersion: row(0, 'websocket_version_not_supported', 426, 3, 'downstream', 'never'),
  webSocketHandshake: row(0, 'websocket_handshake_malformed', 400, 3, 'downstream', 'never'),
  grpcTimeout: row(0, 'grpc_timeout_malformed', 400, 3, 'downstream', 'never'),
  rbacDenied: row(0, 'rbac_access_denied_matched_policy[none]', 403, 7, 'downstream', 'never'),
  overload: row(FLAG.OM, 'overload', 503, UNAVAILABLE, 'ours', 'never'),
  payloadTooLarge: row(0, 'request_payload_too_large', 413, 8, 'downstream', 'never'),
  internal: row(FLAG.LR, 'filter_chain_not_found', 500, INTERNAL, 'ours', 'never'),
} as const satisfies Record<string, FailureRow>;

export interface ProxyErrorOptions {
  readonly cause?: unknown;
  /** What was being done, e.g. the reset reason or the peer's address. Never holds secrets. */
  readonly context?: string;
}

export class ProxyError extends Error {
  readonly row: FailureRow;
  readonly context: string;

  constructor(failure: FailureRow, options: ProxyErrorOptions = {}) {
    super(options.context ? `${failure.details}: ${options.context}` : failure.details, { cause: options.cause });
    this.name = 'ProxyError';
    this.row = failure;
    this.context = options.context ?? '';
  }
}

/** The only reader of Node's error codes: why a connect, read or write failed, in the words of a log line. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return CODES[code ?? ''] ?? message ?? String(error);
}

const CODES: Readonly<Record<string, string>> = {
  // A path, where no Unix socket is, or none that we may use.
  ENOENT: 'immediate connect error: No such file or directory',
  EACCES: 'immediate connect error: Permission denied',
  ECONNREFUSED: 'delayed connect error: Connection refused',
  EHOSTUNREACH: 'delayed connect error: No route to host',
  ENETUNREACH: 'delayed connect error: Network is unreachable',
  ETIMEDOUT: 'delayed connect error: Connection timed out',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
};
