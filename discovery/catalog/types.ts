// What operators and services declare, as plain readonly data: the catalog. Nothing here knows of files,
// leases or xDS; times are milliseconds.

export type MtlsMode = 'STRICT' | 'PERMISSIVE' | 'DISABLE';
/** What a port takes: requests in HTTP/1.1 or HTTP/2, gRPC (HTTP/2 too), or connections of any kind. */
export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp';

export interface Service {
  readonly name: string;
  readonly namespace: string;
  /** The port by which callers name the service. */
  readonly port: number;
  /** null: nobody declared it. */
  readonly protocol: Protocol | null;
  /** Further host names under which callers may address it. */
  readonly hosts: readonly string[];
  /** null: as the mesh says. */
  readonly mtls: MtlsMode | null;
  /** Loopback ports at which this service's own sidecar offers other services. */
  readonly upstreams: readonly Upstream[];
  readonly traffic: TrafficPolicy;
  readonly retry: RetryPolicy | null;
}

export interface Upstream {
  readonly service: string;
  readonly port: number;
}

export type InstanceStatus = 'healthy' | 'draining';

export interface Instance {
  readonly name: string;
  readonly service: string;
  readonly namespace: string;
  /** IP address that peers dial. */
  readonly address: string;
  /** What peers dial: the inbound port of its sidecar, or the application's where there is none. */
  readonly port: number;
  /** The application's own port behind a sidecar; null: nothing stands in front of it. */
  readonly appPort: number | null;
  readonly weight: number;
  readonly region: string;
  readonly zone: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: InstanceStatus;
}

/** The label that names an instance's version; route backends may ask for one. */
export const VERSION_LABEL = 'version';

export interface StringMatch {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

export interface PathMatch {
  readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

export interface NamedMatch {
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression' | 'Present';
  readonly value: string;
}

export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
  /** null: any. */
  readonly method: string | null;
}

export interface HeaderChange {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export interface PathChange {
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch';
  readonly value: string;
}

export type RouteFilter =
  | { readonly type: 'RequestHeaderModifier'; readonly change: HeaderChange }
  | { readonly type: 'ResponseHeaderModifier'; readonly change: HeaderChange }
  | {
      readonly type: 'RequestRedirect';
      readonly scheme: string | null;
      readonly hostname: string | null;
      readonly port: number | null;
      readonly path: PathChange | null;
      readonly statusCode: 301 | 302 | 303 | 307 | 308;
    }
  | { readonly type: 'URLRewrite'; readonly hostname: string | null; readonly path: PathChange | null }
  | { readonly type: 'DirectResponse'; readonly statusCode: number; readonly body: string };

export interface BackendRef {
  readonly service: string;
  /** null: the service's own port. */
  readonly port: number | null;
  readonly weight: number;
  /** Only instances whose version label is this; null: all. */
  readonly version: string | null;
}

export interface RetryPolicy {
  readonly attempts: number;
  /** Envoy's words; empty: the safe default set. */
  readonly on: readonly string[];
  readonly codes: readonly number[];
  readonly backoffMs: number;
  readonly maxBackoffMs: number | null;
  readonly perTryTimeoutMs: number | null;
  readonly budget: { readonly percent: number; readonly minConcurrency: number };
  /** Never repeat what may have been processed and is not idempotent. */
  readonly safeOnly: boolean;
}

export interface RouteRule {
  readonly name: string | null;
  readonly matches: readonly RouteMatch[];
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly BackendRef[];
  /** null: the default of 15 s; 0: none. */
  readonly timeoutMs: number | null;
  readonly backendTimeoutMs: number | null;
  readonly retry: RetryPolicy | null;
}

/** An HTTPRoute: rules for a service (all its callers), a gateway, or host names of its own. */
export interface Route {
  readonly name: string;
  readonly namespace: string;
  readonly services: readonly string[];
  readonly gateways: readonly { readonly name: string; readonly section: string | null }[];
  readonly hostnames: readonly string[];
  readonly rules: readonly RouteRule[];
}

export interface GatewayListener {
  readonly name: string;
  readonly port: number;
  /** null: every host. */
  readonly hostname: string | null;
}

export interface Gateway {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly listeners: readonly GatewayListener[];
}

export interface Limits {
  readonly connections: number | null;
  readonly pendingRequests: number | null;
  readonly requests: number | null;
  readonly retries: number | null;
}

export interface OutlierDetection {
  readonly consecutive5xx: number | null;
  readonly consecutiveGatewayErrors: number | null;
  readonly intervalMs: number | null;
  readonly baseEjectionMs: number | null;
  readonly maxEjectionPercent: number | null;
}

export type LoadBalancing = 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM';

export interface TrafficPolicy {
  readonly loadBalancing: LoadBalancing | null;
  readonly panicThresholdPercent: number | null;
  readonly connectTimeoutMs: number | null;
  readonly idleTimeoutMs: number | null;
  readonly limits: Limits | null;
  /** null: the safe default; false: off. */
  readonly outlierDetection: OutlierDetection | false | null;
}

export const NO_TRAFFIC_POLICY: TrafficPolicy = {
  loadBalancing: null,
  panicThresholdPercent: null,
  connectTimeoutMs: null,
  idleTimeoutMs: null,
  limits: null,
  outlierDetection: null,
};

/** Who is meant by a rule: a service or gateway of this mesh by name, or a whole SPIFFE id. */
export type Caller = { readonly service: string; readonly namespace: string } | { readonly principal: string };

export interface AuthorizationRule {
  /** Empty: anyone, with or without an identity. */
  readonly from: readonly Caller[];
  /** Empty: everything. */
  readonly to: readonly { readonly paths: readonly StringMatch[]; readonly methods: readonly string[] }[];
}

/** DENY is judged before ALLOW; where an ALLOW applies to a service, what no rule allows is refused. */
export interface AuthorizationPolicy {
  readonly name: string;
  /** null: every service. */
  readonly services: readonly string[] | null;
  readonly action: 'ALLOW' | 'DENY';
  readonly rules: readonly AuthorizationRule[];
}

export interface MeshPolicy {
  readonly trustDomain: string;
  readonly mtls: MtlsMode;
  readonly leafTtlMs: number;
  /** Private keys made here may be sent over SDS, on streams with a verified client certificate only. */
  readonly allowKeysOverSds: boolean;
  /** null: no access log. `stdout`, or the path of a file. */
  readonly accessLog: string | null;
}

export const DEFAULT_MESH_POLICY: MeshPolicy = {
  trustDomain: 'cluster.local',
  mtls: 'STRICT',
  leafTtlMs: 24 * 3_600_000,
  allowKeysOverSds: false,
  accessLog: null,
};

export const DEFAULT_NAMESPACE = 'default';

/** Everything at one moment. Immutable; what did not change between two catalogs is the same object. */
export interface Catalog {
  readonly services: ReadonlyMap<string, Service>;
  /** By service name, each list ordered by instance name. */
  readonly instances: ReadonlyMap<string, readonly Instance[]>;
  readonly routes: readonly Route[];
  readonly gateways: ReadonlyMap<string, Gateway>;
  readonly policies: readonly AuthorizationPolicy[];
  readonly mesh: MeshPolicy;
}

/** What one source contributes. */
export type CatalogPart = Catalog;

export const EMPTY_CATALOG: Catalog = {
  services: new Map(),
  instances: new Map(),
  routes: [],
  gateways: new Map(),
  policies: [],
  mesh: DEFAULT_MESH_POLICY,
};
