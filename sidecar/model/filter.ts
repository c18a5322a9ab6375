// HTTP filters as data: a name and the decoded configuration of one known kind.

import type { Rbac } from './rbac.ts';

export type TypedFilterConfig =
  | ({ readonly kind: 'router' } & RouterConfig)
  /** null rules: not enforced here (the per-route way to switch RBAC off). */
  | {
      readonly kind: 'rbac';
      readonly rules: Rbac | null;
      readonly shadowRules: Rbac | null;
      readonly shadowStatPrefix: string;
      readonly statPrefix: string;
    }
  | { readonly kind: 'grpc-web' }
  | ({ readonly kind: 'grpc-stats' } & GrpcStatsConfig)
  /** FilterConfig{config: {}} on a route: as it is in the chain, and not off. */
  | { readonly kind: 'enabled' }
  /** FilterConfig{disabled: true} on a route. */
  | { readonly kind: 'disabled' };

export interface RouterConfig {
  readonly suppressEnvoyHeaders: boolean;
  readonly dynamicStats: boolean;
  readonly respectExpectedRqTimeout: boolean;
  readonly startChildSpan: boolean;
  /** Lower-case names checked strictly, e.g. `x-envoy-max-retries`. */
  readonly strictCheckHeaders: readonly string[];
}

export interface GrpcStatsConfig {
  /** Which methods have figures of their own, as `service/method`. */
  readonly methods: 'all' | 'none' | ReadonlySet<string>;
  /** `a.b` is shown as `a_b`. */
  readonly replaceDots: boolean;
  /** How long upstreams take, too. */
  readonly upstreamTimes: boolean;
}

export interface HttpFilter {
  readonly name: string;
  readonly config: TypedFilterConfig;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
}
