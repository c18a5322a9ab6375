// Checked documents -> catalog types: defaults filled in, short spellings expanded. Pure; what refers to
// other documents is checked in references.ts, where all of them are known.

import type { z } from 'zod';
import type {
  authorizationSpec,
  circuitBreakerSpec,
  gatewaySpec,
  httpRouteSpec,
  instanceFields,
  meshSpec,
  retry,
  serviceSpec,
  traffic,
} from './mesh-schema.ts';
import {
  type AuthorizationPolicy,
  type Caller,
  DEFAULT_MESH_POLICY,
  DEFAULT_NAMESPACE,
  type Gateway,
  type HeaderChange,
  type Instance,
  type Limits,
  type MeshPolicy,
  type NamedMatch,
  NO_TRAFFIC_POLICY,
  type OutlierDetection,
  type PathChange,
  type RetryPolicy,
  type Route,
  type RouteFilter,
  type RouteMatch,
  type RouteRule,
  type Service,
  type StringMatch,
  type TrafficPolicy,
  VERSION_LABEL,
} from './types.ts';

export interface Named {
  readonly name: string;
  readonly namespace: string;
}

type Out<S extends z.ZodType> = z.output<S>;
type HttpRoute = Out<typeof httpRouteSpec>;
type Rule = HttpRoute['rules'][number];

export const DEFAULT_RETRY_BUDGET = { percent: 20, minConcurrency: 3 } as const;
const DEFAULT_RETRY_ATTEMPTS = 2;
const DEFAULT_RETRY_BACKOFF_MS = 25;
const ANY_PATH: RouteMatch = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [], method: null };

export function toService(named: Named, spec: Omit<Out<typeof serviceSpec>, 'instances'>): Service {
  return {
    ...named,
    port: spec.port,
    protocol: spec.protocol ?? null,
    hosts: (spec.hosts ?? []).map((host) => host.toLowerCase()),
    mtls: spec.mtls ?? null,
    upstreams: spec.upstreams ?? [],
    traffic: spec.traffic === undefined ? NO_TRAFFIC_POLICY : toTraffic(spec.traffic),
    retry: spec.traffic?.retry === undefined ? null : toRetry(spec.traffic.retry),
  };
}

/** `1.2.3.4:80`, `[::1]:80`: the short spelling of an instance. The schema has checked its form. */
export function parseShortInstance(text: string): Out<typeof instanceFields> {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

export function toInstance(service: Named, fields: Out<typeof instanceFields>, position: number): Instance {
  const labels = { ...fields.labels, ...(fields.version === undefined ? {} : { [VERSION_LABEL]: fields.version }) };
  return {
    name: fields.name ?? `${service.name}-${position + 1}`,
    service: service.name,
    namespace: service.namespace,
    address: fields.address,
    port: fields.port,
    appPort: fields.appPort ?? null,
    weight: fields.weight ?? 1,
    region: fields.region ?? '',
    zone: fields.zone ?? '',
    labels,
    status: 'healthy',
  };
}

export function toRetry(spec: Out<typeof retry>): RetryPolicy {
  const backoff =
    typeof spec.backoff === 'object'
      ? spec.backoff
      : { base: spec.backoff ?? DEFAULT_RETRY_BACKOFF_MS, max: undefined };
  return {
    attempts: spec.attempts ?? DEFAULT_RETRY_ATTEMPTS,
    on: spec.on ?? [],
    codes: spec.codes ?? [],
    backoffMs: backoff.base,
    maxBackoffMs: backoff.max ?? null,
    perTryTimeoutMs: spec.perTryTimeout ?? null,
    budget: {
      percent: spec.budget?.percent ?? DEFAULT_RETRY_BUDGET.percent,
      minConcurrency: spec.budget?.minConcurrency ?? DEFAULT_RETRY_BUDGET.minConcurrency,
    },
    safeOnly: spec.safeOnly ?? true,
  };
}

export function toTraffic(spec: Omit<Out<typeof traffic>, 'retry'>): TrafficPolicy {
  return {
    loadBalancing: spec.loadBalancing ?? null,
    panicThresholdPercent: spec.panicThreshold ?? null,
    connectTimeoutMs: spec.connectTimeout ?? null,
    idleTimeoutMs: spec.idleTimeout ?? null,
    limits: spec.limits === undefined ? null : toLimits(spec.limits),
    outlierDetection: toOutlier(spec.outlierDetection),
  };
}

export function toBreaker(spec: Omit<Out<typeof circuitBreakerSpec>, 'targetRefs'>): TrafficPolicy {
  return { ...NO_TRAFFIC_POLICY, limits: toLimits(spec), outlierDetection: toOutlier(spec.outlierDetection) };
}

function toLimits(spec: NonNullable<Out<typeof traffic>['limits']>): Limits {
  return {
    connections: spec.connections ?? null,
    pendingRequests: spec.pendingRequests ?? null,
    requests: spec.requests ?? null,
    retries: spec.retries ?? null,
  };
}

function toOutlier(spec: Out<typeof traffic>['outlierDetection']): OutlierDetection | false | null {
  if (spec === undefined || spec === false) return spec ?? null;
  return {
    consecutive5xx: spec.consecutive5xx ?? null,
    consecutiveGatewayErrors: spec.consecutiveGatewayErrors ?? null,
    intervalMs: spec.interval ?? null,
    baseEjectionMs: spec.baseEjectionTime ?? null,
    maxEjectionPercent: spec.maxEjectionPercent ?? null,
  };
}

export function toGateway(named: Named, spec: Out<typeof gatewaySpec>): Gateway {
  const listeners = spec.listeners.map((one) => ({
    name: one.name,
    port: one.port,
    hostname: one.hostname?.toLowerCase() ?? null,
  }));
  return { ...named, address: spec.addresses?.[0]?.value ?? '0.0.0.0', listeners };
}

export function toRoute(named: Named, spec: HttpRoute): Route {
  const parents = spec.parentRefs ?? [];
  return {
    ...named,
    services: parents.filter((parent) => parent.kind === 'Service').map((parent) => parent.name),
    gateways: parents
      .filter((parent) => parent.kind !== 'Service')
      .map((parent) => ({ name: parent.name, section: parent.sectionName ?? null })),
    hostnames: (spec.hostnames ?? []).map((host) => host.toLowerCase()),
    rules: spec.rules.map(toRule),
  };
}

function toRule(rule: Rule): RouteRule {
  return {
    name: rule.name ?? null,
    matches: rule.matches?.map(toMatch) ?? [ANY_PATH],
    filters: (rule.filters ?? []).map(toFilter),
    backends: (rule.backendRefs ?? []).map((ref) => ({
      service: ref.name,
      port: ref.port ?? null,
      weight: ref.weight ?? 1,
      version: ref.version ?? null,
    })),
    timeoutMs: rule.timeouts?.request ?? null,
    backendTimeoutMs: rule.timeouts?.backendRequest ?? null,
    retry: rule.retry === undefined ? null : toRetry(rule.retry),
  };
}

function toMatch(match: NonNullable<Rule['matches']>[number]): RouteMatch {
  return {
    path: { type: match.path?.type ?? 'PathPrefix', value: match.path?.value ?? '/' },
    headers: (match.headers ?? []).map((header) => ({ ...toNamedMatch(header), name: header.name.toLowerCase() })),
    queryParams: (match.queryParams ?? []).map(toNamedMatch),
    method: match.method ?? null,
  };
}

function toNamedMatch(match: {
  readonly name: string;
  readonly type?: NamedMatch['type'] | undefined;
  readonly value?: string | undefined;
}): NamedMatch {
  return { name: match.name, type: match.type ?? 'Exact', value: match.value ?? '' };
}

function toFilter(filter: NonNullable<Rule['filters']>[number]): RouteFilter {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return { type: filter.type, change: toHeaderChange(filter.requestHeaderModifier ?? {}) };
    case 'ResponseHeaderModifier':
      return { type: filter.type, change: toHeaderChange(filter.responseHeaderModifier ?? {}) };
    case 'URLRewrite':
      return {
        type: filter.type,
        hostname: filter.urlRewrite?.hostname ?? null,
        path: toPathChange(filter.urlRewrite?.path),
      };
    case 'DirectResponse':
      return {
        type: filter.type,
        statusCode: filter.directResponse?.statusCode ?? 200,
        body: filter.directResponse?.body ?? '',
      };
    case 'RequestRedirect': {
      const { scheme, hostname, port, path, statusCode } = filter.requestRedirect ?? {};
      return {
        type: filter.type,
        scheme: scheme ?? null,
        hostname: hostname ?? null,
        port: port ?? null,
        path: toPathChange(path),
        statusCode: statusCode ?? 302,
      };
    }
  }
}

function toHeaderChange(change: {
  set?: HeaderChange['set'] | undefined;
  add?: HeaderChange['add'] | undefined;
  remove?: readonly string[] | undefined;
}): HeaderChange {
  return { set: change.set ?? [], add: change.add ?? [], remove: change.remove ?? [] };
}

function toPathChange(
  change:
    | { type: PathChange['type']; replaceFullPath?: string | undefined; replacePrefixMatch?: string | undefined }
    | undefined,
): PathChange | null {
  if (change === undefined) return null;
  return {
    type: change.type,
    value: (change.type === 'ReplaceFullPath' ? change.replaceFullPath : change.replacePrefixMatch) ?? '/',
  };
}

export function toAuthorization(named: Named, spec: Out<typeof authorizationSpec>): AuthorizationPolicy {
  return {
    name: named.name,
    services: spec.targetRefs?.map((target) => target.name) ?? null,
    action: spec.action ?? 'ALLOW',
    rules: (spec.rules ?? []).map((rule) => ({
      from: (rule.from ?? []).map((from) => toCaller(from)),
      to: (rule.to ?? []).map((to) => ({ paths: (to.paths ?? []).map(toPathPattern), methods: to.methods ?? [] })),
    })),
  };
}

function toCaller(from: {
  service?: string | undefined;
  namespace?: string | undefined;
  principal?: string | undefined;
}): Caller {
  return from.principal !== undefined
    ? { principal: from.principal }
    : { service: from.service ?? '', namespace: from.namespace ?? DEFAULT_NAMESPACE };
}

function toPathPattern(pattern: string): StringMatch {
  return pattern.endsWith('*') ? { kind: 'prefix', value: pattern.slice(0, -1) } : { kind: 'exact', value: pattern };
}

/** `allow: [web, spiffe://...]` of the short form: only these may call the service. */
export function toAllowList(service: Named, callers: readonly string[]): AuthorizationPolicy {
  const from = callers.map(
    (caller): Caller =>
      caller.startsWith('spiffe://') ? { principal: caller } : { service: caller, namespace: service.namespace },
  );
  // An empty list allows nobody: a rule without `from` would allow everybody.
  return {
    name: `${service.name}-allow`,
    services: [service.name],
    action: 'ALLOW',
    rules: from.length === 0 ? [] : [{ from, to: [] }],
  };
}

export function toMesh(spec: Out<typeof meshSpec>): MeshPolicy {
  return {
    trustDomain: spec.trustDomain ?? DEFAULT_MESH_POLICY.trustDomain,
    mtls: typeof spec.mtls === 'object' ? spec.mtls.mode : (spec.mtls ?? DEFAULT_MESH_POLICY.mtls),
    leafTtlMs: spec.leafTtl ?? DEFAULT_MESH_POLICY.leafTtlMs,
    allowKeysOverSds: spec.allowKeysOverSds ?? DEFAULT_MESH_POLICY.allowKeysOverSds,
    accessLog: spec.accessLog === undefined || spec.accessLog === false ? null : spec.accessLog,
  };
}
