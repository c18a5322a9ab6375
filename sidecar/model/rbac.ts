// Who may do what: envoy.config.rbac.v3 as data. Evaluated by filters/rbac.ts.

import type { Cidr, HeaderMatch, StringMatch } from './match.ts';

export interface Rbac {
  readonly action: 'allow' | 'deny' | 'log';
  /** In order of name, as Envoy's ordered map is walked. */
  readonly policies: readonly RbacPolicy[];
}

/** Rules for whole connections. */
export interface NetworkRbac {
  readonly statPrefix: string;
  readonly rules: Rbac | null;
  readonly shadowRules: Rbac | null;
}

export interface RbacPolicy {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

export type Permission =
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Permission[] }
  | { readonly kind: 'not'; readonly rule: Permission }
  | { readonly kind: 'any' }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** Matched on the path without query. */
  | { readonly kind: 'path'; readonly match: StringMatch }
  | { readonly kind: 'destination-ip'; readonly cidr: Cidr }
  | { readonly kind: 'destination-port'; readonly start: number; readonly end: number }
  | { readonly kind: 'server-name'; readonly match: StringMatch };

export type Principal =
  | { readonly kind: 'and' | 'or'; readonly ids: readonly Principal[] }
  | { readonly kind: 'not'; readonly id: Principal }
  | { readonly kind: 'any' }
  /** null: any peer that was authenticated by certificate. */
  | { readonly kind: 'authenticated'; readonly match: StringMatch | null }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  | { readonly kind: 'path'; readonly match: StringMatch }
  /** remote: the trusted client address; direct: the peer of the connection. */
  | { readonly kind: 'direct-ip' | 'remote-ip' | 'source-ip'; readonly cidr: Cidr };
