// Route tables: virtual hosts in Envoy's order of precedence, routes in the order given, first match wins.

import type { TypedFilterConfig } from './filter.ts';
import type { Fraction, HeaderMatch, QueryMatch, Regex, RegexRewrite, StringMatch } from './match.ts';

export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly headers: HeaderMutations;
  readonly internalOnlyHeaders: readonly string[];
  readonly mostSpecificHeaderMutationsWins: boolean;
  readonly ignorePortInHostMatching: boolean;
  readonly requestMirrors: readonly RequestMirror[];
  readonly typedPerFilterConfig: ReadonlyMap<string, TypedFilterConfig>;
  readonly metadata: Metadata;
}

export interface VirtualHost {
  readonly name: string;
  /** As given: `exact`, `*.suffix`, `prefix.*`, `*`. Lower case. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly requireTls: 'none' | 'external-only' | 'all';
  readonly headers: HeaderMutations;
  readonly retryPolicy: RetryPolicy | null;
  readonly includeRequestAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly requestMirrors: readonly RequestMirror[];
  readonly typedPerFilterConfig: ReadonlyMap<string, TypedFilterConfig>;
  readonly metadata: Metadata;
}

export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly headers: HeaderMutations;
  readonly metadata: Metadata;
  /** Operation name for spans. */
  readonly decorator: { readonly operation: string; readonly propagate: boolean } | null;
  readonly typedPerFilterConfig: ReadonlyMap<string, TypedFilterConfig>;
}

export interface RouteMatch {
  readonly path:
    | {
        readonly kind: 'prefix' | 'exact' | 'path-separated-prefix';
        readonly value: string;
        readonly caseSensitive: boolean;
      }
    | { readonly kind: 'regex'; readonly regex: Regex }
    | { readonly kind: 'connect' };
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly QueryMatch[];
  readonly cookies: readonly { readonly name: string; readonly match: StringMatch; readonly invert: boolean }[];
  /** Only requests whose content-type is that of gRPC. */
  readonly grpc: boolean;
  readonly runtimeFraction: Fraction | null;
  readonly tls: { readonly presented: boolean | null; readonly validated: boolean | null } | null;
}

export type RouteAction =
  | ({ readonly kind: 'forward' } & ForwardAction)
  | ({ readonly kind: 'redirect' } & RedirectAction)
  | { readonly kind: 'direct'; readonly status: number; readonly body: Buffer }
  /** `non_forwarding_action`, `filter_action`: for servers that answer themselves. */
  | { readonly kind: 'none' };

export interface ForwardAction {
  readonly target:
    | { readonly kind: 'cluster'; readonly name: string }
    | { readonly kind: 'header'; readonly name: string }
    | {
        readonly kind: 'weighted';
        readonly clusters: readonly WeightedCluster[];
        readonly total: number;
        readonly headerName: string | null;
      };
  readonly clusterNotFoundStatus: number;
  readonly metadataMatch: Metadata | null;
  readonly pathRewrite:
    | { readonly kind: 'prefix'; readonly value: string }
    | { readonly kind: 'regex'; readonly rewrite: RegexRewrite }
    | null;
  readonly hostRewrite:
    | { readonly kind: 'literal'; readonly value: string }
    | { readonly kind: 'auto' }
    | { readonly kind: 'header'; readonly name: string }
    | { readonly kind: 'path-regex'; readonly rewrite: RegexRewrite }
    | null;
  readonly appendXForwardedHost: boolean;
  /** Route timeout in ms, default 15 000; 0: none. */
  readonly timeoutMs: number;
  /** null: the connection manager's stream idle timeout holds. 0: none. */
  readonly idleTimeoutMs: number | null;
  readonly maxStreamDuration: {
    readonly maxMs: number | null;
    readonly grpcTimeoutHeaderMaxMs: number | null;
    readonly grpcTimeoutHeaderOffsetMs: number;
  } | null;
  readonly retryPolicy: RetryPolicy | null;
  readonly priority: 'default' | 'high';
  readonly hashPolicy: readonly HashPolicy[];
  readonly upgrades: readonly UpgradeConfig[];
  readonly requestMirrors: readonly RequestMirror[];
  readonly internalRedirect: InternalRedirectPolicy | null;
  readonly includeVirtualHostRateLimits: boolean;
}

export interface WeightedCluster {
  readonly target: { readonly kind: 'cluster' | 'header'; readonly name: string };
  readonly weight: number;
  readonly headers: HeaderMutations;
  readonly hostRewriteLiteral: string | null;
  readonly metadataMatch: Metadata | null;
  readonly typedPerFilterConfig: ReadonlyMap<string, TypedFilterConfig>;
}

export interface RedirectAction {
  /** 'https' or another scheme; null keeps the request's. */
  readonly scheme: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly path:
    | { readonly kind: 'replace'; readonly value: string }
    | { readonly kind: 'prefix'; readonly value: string }
    | { readonly kind: 'regex'; readonly rewrite: RegexRewrite }
    | null;
  readonly stripQuery: boolean;
  readonly status: 301 | 302 | 303 | 307 | 308;
}

export interface UpgradeConfig {
  /** Lower case. */
  readonly type: string;
  readonly enabled: boolean;
  /** Of CONNECT: the bytes go to the cluster as they are, and not within another CONNECT. */
  readonly terminates: boolean;
}

export interface RequestMirror {
  readonly target: { readonly kind: 'cluster' | 'header'; readonly name: string };
  readonly fraction: Fraction;
  readonly disableShadowHostSuffix: boolean;
}

export interface InternalRedirectPolicy {
  readonly maxRedirects: number;
  readonly statuses: readonly number[];
  readonly allowCrossScheme: boolean;
}

export type HashPolicy = { readonly terminal: boolean } & (
  | { readonly kind: 'header'; readonly name: string; readonly rewrite: RegexRewrite | null }
  | { readonly kind: 'cookie'; readonly name: string; readonly ttlMs: number | null; readonly path: string }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'query'; readonly name: string }
);

export interface RetryPolicy {
  /** Envoy's words for HTTP and gRPC, e.g. `5xx`, `connect-failure`; unknown words are dropped as Envoy does. */
  readonly retryOn: readonly string[];
  readonly numRetries: number;
  /** 0: none. */
  readonly perTryTimeoutMs: number;
  /** 0: none. */
  readonly perTryIdleTimeoutMs: number;
  readonly retriableStatusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderMatch[];
  readonly retriableRequestHeaders: readonly HeaderMatch[];
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly rateLimitedBackoff: RateLimitedBackoff | null;
  /** Avoid hosts that were tried already. */
  readonly avoidPreviousHosts: boolean;
  readonly omitCanaryHosts: boolean;
  /** Envoy's `previous_priorities`: how often to look for an untried priority before any is taken; null: off. */
  readonly previousPriorities: number | null;
  readonly hostSelectionAttempts: number;
  /** Ours (fairlead.policy.v1.SafeRetry): never repeat what may have been processed and is not idempotent. */
  readonly safeOnly: boolean;
}

export interface RateLimitedBackoff {
  readonly maxMs: number;
  readonly resetHeaders: readonly { readonly name: string; readonly format: 'seconds' | 'unix-timestamp' }[];
}

export interface HeaderMutations {
  readonly requestAdd: readonly HeaderAdd[];
  readonly requestRemove: readonly string[];
  readonly responseAdd: readonly HeaderAdd[];
  readonly responseRemove: readonly string[];
}

export interface HeaderAdd {
  /** Lower case. */
  readonly name: string;
  /** Substitution format, checked when decoded; compiled by whoever runs it. */
  readonly value: string;
  readonly action: 'append' | 'add-if-absent' | 'overwrite-or-add' | 'overwrite';
  readonly keepEmpty: boolean;
}

export const NO_MUTATIONS: HeaderMutations = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

/** filter_metadata: namespace -> JSON struct. */
export type Metadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
