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

export interface HttpFilter {
  readonly name: string;
  readonly config: TypedFilterConfig;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
}
