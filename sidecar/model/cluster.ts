// Clusters: a named group of hosts and the rules for using them.

import type { Http2Options } from './http2.ts';
import type { ClusterLoadAssignment } from './endpoint.ts';
import type { Metadata } from './route.ts';
import type { UpstreamTls } from './tls.ts';

export interface Cluster {
  readonly name: string;
  /** Used in statistics instead of the name. */
  readonly altStatName: string | null;
  readonly discovery:
    | { readonly kind: 'static'; readonly assignment: ClusterLoadAssignment }
    | { readonly kind: 'eds'; readonly serviceName: string }
    | {
        readonly kind: 'strict-dns' | 'logical-dns';
        readonly assignment: ClusterLoadAssignment;
        readonly refreshMs: number;
        readonly respectTtl: boolean;
        readonly family: 'auto' | 'v4' | 'v6' | 'v4-preferred' | 'all';
      };
  readonly connectTimeoutMs: number;
  readonly bufferLimit: number;
  readonly lb: LbPolicy;
  readonly common: CommonLb;
  readonly limits: { readonly default: Limits; readonly high: Limits };
  readonly outlier: OutlierDetection | null;
  readonly tls: UpstreamTls | null;
  /** Each connection begins with a PROXY header of this version; null: none. */
  readonly proxyProtocol: 1 | 2 | null;
  readonly http: UpstreamHttp;
  readonly metadata: Metadata;
  readonly tcpKeepalive: { readonly idleSeconds: number } | null;
  readonly bindAddress: { readonly host: string; readonly port: number } | null;
  readonly closeConnectionsOnHostHealthFailure: boolean;
  /** The load_assignment's or EDS policy lives in the assignment. */
  readonly statTimeoutBudget: boolean;
}

export type LbPolicy =
  | { readonly kind: 'round-robin'; readonly slowStart: SlowStart | null }
  | {
      readonly kind: 'least-request';
      readonly choices: number;
      readonly activeBias: number;
      readonly slowStart: SlowStart | null;
      readonly fullScan: boolean;
    }
  | { readonly kind: 'random' };

export interface SlowStart {
  readonly windowMs: number;
  readonly aggression: number;
  readonly minWeightPercent: number;
}

export interface CommonLb {
  /** Percent, default 50; 0 switches panic off. */
  readonly panicThreshold: number;
  readonly failTrafficOnPanic: boolean;
  readonly localityWeighted: boolean;
  readonly updateMergeWindowMs: number;
  readonly ignoreNewHostsUntilFirstHc: boolean;
}

export interface Limits {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly trackRemaining: boolean;
  /** Replaces maxRetries when present. */
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number } | null;
}

export const DEFAULT_LIMITS: Limits = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  trackRemaining: false,
  retryBudget: null,
};

export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly enforcingConsecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly enforcingConsecutiveGatewayFailure: number;
  readonly splitLocalOrigin: boolean;
  readonly consecutiveLocalOriginFailure: number;
  readonly enforcingConsecutiveLocalOriginFailure: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionJitterMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOneHost: boolean;
}

export interface UpstreamHttp {
  /** `alpn`: what the upstream chooses (auto_config); `downstream`: what the client speaks. */
  readonly protocol: 'http1' | 'http2' | 'alpn' | 'downstream';
  readonly http2: Http2Options;
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxHeadersCount: number;
  readonly maxHeadersBytes: number;
  readonly maxRequestsPerConnection: number;
  readonly maxStreamDurationMs: number;
  readonly enableTrailers: boolean;
  readonly headerCase: 'lower' | 'proper-case';
  /** The request's Host (or another header) without its port is the SNI. */
  readonly autoSni: boolean;
  /** Lower-case header name used in place of Host for autoSni; null: Host. */
  readonly autoSniHeader: string | null;
  /** The upstream's certificate must carry that name. */
  readonly autoSanValidation: boolean;
}
