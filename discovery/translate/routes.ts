// HTTPRoutes -> route configurations: one table that routes by Host for the outbound port, one per service
// for listeners that lead to one service only, one per gateway listener.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  RedirectAction_RedirectResponseCode as Code,
  type RedirectActionSchema,
  type RouteActionSchema,
  type RouteSchema,
  type VirtualHostSchema,
} from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { ROUTE } from '../../proto/resources.ts';
import { toDuration } from '../../proto/scalars.ts';
import type {
  BackendRef,
  Catalog,
  Gateway,
  GatewayListener,
  PathChange,
  PathMatch,
  RetryPolicy,
  Route,
  RouteFilter,
  RouteRule,
  Service,
} from '../catalog/types.ts';
import { grpcStatsOn } from './grpc-stats.ts';
import { headerChanges, inOrder, routeMatch } from './match.ts';
import { clusterName, fullHost, gatewayListener, hostNames, OUTBOUND, serviceRoutes } from './names.ts';
import { type EncodedResource, encodeResource } from './resource.ts';
import { retryPolicy, safeRetryMetadata } from './retry.ts';

export type Services = ReadonlyMap<string, Service>;
type RouteInit = MessageInitShape<typeof RouteSchema>;
type HostInit = MessageInitShape<typeof VirtualHostSchema>;

/** The parts of the catalog that routes depend on. */
export type RouteInputs = Pick<Catalog, 'services' | 'routes'>;

/** Every rule for a service's callers; none: forward everything to it. */
export function rulesFor(service: Service, routes: readonly Route[]): readonly RouteRule[] {
  const attached = routes.filter((route) => route.services.includes(service.name)).flatMap((route) => route.rules);
  return attached.length > 0 ? attached : [forwardTo(service)];
}

function forwardTo(service: Service): RouteRule {
  return {
    name: null,
    matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [], method: null }],
    filters: [],
    backends: [{ service: service.name, port: null, weight: 1, version: null }],
    timeoutMs: null,
    backendTimeoutMs: null,
    retry: null,
  };
}

/** The table of the outbound port: which service, by the request's Host, whatever port it names. */
export function outboundRoutes(inputs: RouteInputs, visible: readonly Service[]): EncodedResource {
  const taken = new Set<string>();
  const hosts = [
    ...ownHosts(inputs, taken),
    ...visible.flatMap((service) => serviceHost(inputs, service, hostNames(service), taken)),
  ];
  return encode(OUTBOUND, hosts);
}

export function singleServiceRoutes(inputs: RouteInputs, service: Service): EncodedResource {
  return encode(serviceRoutes(service), serviceHost(inputs, service, ['*'], new Set()));
}

function serviceHost(
  inputs: RouteInputs,
  service: Service,
  domains: readonly string[],
  taken: Set<string>,
): HostInit[] {
  const free = claim(domains, taken);
  if (free.length === 0) return [];
  return [
    { name: fullHost(service), domains: free, routes: routesOf(rulesFor(service, inputs.routes), inputs.services) },
  ];
}

/** Routes without a parent have hosts of their own on every outbound port. */
function ownHosts(inputs: RouteInputs, taken: Set<string>): HostInit[] {
  const loose = inputs.routes.filter((route) => route.services.length === 0 && route.gateways.length === 0);
  return groupByHost(loose, (route) => route.hostnames).flatMap(([host, rules]) => {
    const domains = claim([host], taken);
    return domains.length === 0 ? [] : [{ name: host, domains, routes: routesOf(rules, inputs.services) }];
  });
}

export function gatewayRoutes(inputs: RouteInputs, gateway: Gateway, listener: GatewayListener): EncodedResource {
  const attached = inputs.routes.filter((route) =>
    route.gateways.some(
      (parent) => parent.name === gateway.name && (parent.section === null || parent.section === listener.name),
    ),
  );
  const groups = groupByHost(attached, (route) => hostsAt(route, listener));
  const hosts = groups.map(
    ([host, rules]): HostInit => ({ name: host, domains: [host], routes: routesOf(rules, inputs.services) }),
  );
  return encode(gatewayListener(gateway.name, listener.name), hosts);
}

/** Where route and listener both name hosts, only what both allow counts (Gateway API, HTTPRoute hostnames). */
function hostsAt(route: Route, listener: GatewayListener): readonly string[] {
  if (listener.hostname === null) return route.hostnames.length > 0 ? route.hostnames : ['*'];
  if (route.hostnames.length === 0) return [listener.hostname];
  const own = listener.hostname;
  return route.hostnames.flatMap((host) => (covers(own, host) ? [host] : covers(host, own) ? [own] : []));
}

function covers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

/** Rules of all routes that share a host, in one list each; hosts in order of name. */
function groupByHost(routes: readonly Route[], hostsOf: (route: Route) => readonly string[]): [string, RouteRule[]][] {
  const groups = new Map<string, RouteRule[]>();
  for (const route of routes) {
    for (const host of new Set(hostsOf(route))) groups.set(host, [...(groups.get(host) ?? []), ...route.rules]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** One host name may stand in a table once (Envoy refuses the table otherwise): the first to ask has it. */
function claim(domains: readonly string[], taken: Set<string>): string[] {
  const free = domains.filter((domain) => !taken.has(domain));
  for (const domain of free) taken.add(domain);
  return free;
}

function encode(name: string, virtualHosts: HostInit[]): EncodedResource {
  const message = create(RouteConfigurationSchema, {
    name,
    virtualHosts,
    ignorePortInHostMatching: true,
    validateClusters: false,
  });
  return encodeResource(ROUTE, name, RouteConfigurationSchema, message);
}

function routesOf(rules: readonly RouteRule[], services: Services): RouteInit[] {
  return inOrder(rules).map(({ rule, match }) => {
    const retry = retryOf(rule, services);
    const action = actionOf(rule, match.path, services, retry);
    const metadata = action.case === 'route' ? safeRetryMetadata(retry) : null;
    const isGrpc = action.case === 'route' && leadsToGrpc(livingBackends(rule, services), services);
    return {
      ...(rule.name === null ? {} : { name: rule.name }),
      match: routeMatch(match),
      action,
      ...headerChanges(rule.filters),
      ...(metadata === null ? {} : { metadata }),
      ...(isGrpc ? { typedPerFilterConfig: grpcStatsOn() } : {}),
    };
  });
}

function livingBackends({ backends }: RouteRule, services: Services): readonly BackendRef[] {
  return backends.filter((backend) => services.has(backend.service) && backend.weight > 0);
}

function leadsToGrpc(backends: readonly BackendRef[], services: Services): boolean {
  return backends.every(({ service }) => services.get(service)?.protocol === 'grpc');
}

/** The rule's own policy, or that of the service when the rule leads to one alone. */
function retryOf(rule: RouteRule, services: Services): RetryPolicy | null {
  const targets = new Set(rule.backends.map((backend) => backend.service));
  const [only] = targets;
  return rule.retry ?? (targets.size === 1 && only !== undefined ? (services.get(only)?.retry ?? null) : null);
}

function actionOf(
  rule: RouteRule,
  path: PathMatch,
  services: Services,
  retry: RetryPolicy | null,
): NonNullable<RouteInit['action']> & { case: string } {
  for (const filter of rule.filters) {
    if (filter.type === 'RequestRedirect') return { case: 'redirect', value: redirect(filter, path) };
    if (filter.type === 'DirectResponse')
      return { case: 'directResponse', value: directResponse(filter.statusCode, filter.body) };
  }
  const backends = livingBackends(rule, services);
  // Gateway API: a rule of which no backend is there answers 500.
  return backends.length === 0
    ? { case: 'directResponse', value: directResponse(500, 'no backend') }
    : { case: 'route', value: forward(rule, backends, path, services, retry) };
}

function directResponse(status: number, body: string) {
  return { status, ...(body === '' ? {} : { body: { specifier: { case: 'inlineString', value: body } } as const }) };
}

function forward(
  rule: RouteRule,
  backends: readonly BackendRef[],
  path: PathMatch,
  services: Services,
  retry: RetryPolicy | null,
): MessageInitShape<typeof RouteActionSchema> {
  const policy = retryPolicy(retry, rule.backendTimeoutMs);
  const rewrite = rule.filters.find((filter) => filter.type === 'URLRewrite');
  return {
    clusterSpecifier: clusterSpecifier(backends, services),
    ...(rewrite?.hostname == null
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: rewrite.hostname } }),
    ...(rewrite?.path == null ? {} : pathRewrite(rewrite.path, path)),
    ...howLong(rule, backends, services),
    ...(policy === null ? {} : { retryPolicy: policy }),
  };
}

/** A gRPC call lasts as long as its caller says, and a stream as long as it likes; other requests, Envoy's 15 s. */
function howLong(
  { timeoutMs }: RouteRule,
  backends: readonly BackendRef[],
  services: Services,
): Pick<MessageInitShape<typeof RouteActionSchema>, 'timeout' | 'maxStreamDuration'> {
  if (!leadsToGrpc(backends, services)) return timeoutMs === null ? {} : { timeout: toDuration(timeoutMs) };
  return { timeout: toDuration(timeoutMs ?? 0), maxStreamDuration: { grpcTimeoutHeaderMax: toDuration(0) } };
}

function clusterSpecifier(
  backends: readonly BackendRef[],
  services: Services,
): NonNullable<MessageInitShape<typeof RouteActionSchema>['clusterSpecifier']> {
  const clusters = backends.map((backend) => ({
    name: clusterName(services.get(backend.service) as Service, backend.version),
    weight: backend.weight,
  }));
  const [only] = clusters;
  if (only !== undefined && clusters.length === 1) return { case: 'cluster', value: only.name };
  return { case: 'weightedClusters', value: { clusters } };
}

const WHOLE_PATH = '^[^?]*';

/** Rewrites of forwarded requests. The query stays as it is. */
function pathRewrite(
  change: PathChange,
  path: PathMatch,
): Pick<MessageInitShape<typeof RouteActionSchema>, 'prefixRewrite' | 'regexRewrite'> {
  if (change.type === 'ReplaceFullPath')
    return { regexRewrite: { pattern: { regex: WHOLE_PATH }, substitution: escapeSubstitution(change.value) } };
  const replacement = change.value.replace(/\/+$/, '');
  const prefix = path.value.replace(/\/+$/, '');
  if (prefix === '') return { prefixRewrite: `${replacement}/` };
  // With nothing in its place, cutting a prefix off /shop/x must leave /x, not //x.
  return replacement === ''
    ? { regexRewrite: { pattern: { regex: `^${escapeRegex(prefix)}/*` }, substitution: '/' } }
    : { prefixRewrite: replacement };
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function escapeSubstitution(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

const REDIRECT_CODES = {
  301: Code.MOVED_PERMANENTLY,
  302: Code.FOUND,
  303: Code.SEE_OTHER,
  307: Code.TEMPORARY_REDIRECT,
  308: Code.PERMANENT_REDIRECT,
} as const;

function redirect(
  filter: Extract<RouteFilter, { type: 'RequestRedirect' }>,
  path: PathMatch,
): MessageInitShape<typeof RedirectActionSchema> {
  const { scheme, hostname, port } = filter;
  return {
    responseCode: REDIRECT_CODES[filter.statusCode],
    ...(scheme === null ? {} : { schemeRewriteSpecifier: { case: 'schemeRedirect', value: scheme } }),
    ...(hostname === null ? {} : { hostRedirect: hostname }),
    ...(port === null ? {} : { portRedirect: port }),
    ...(filter.path === null ? {} : { pathRewriteSpecifier: redirectPath(filter.path, path) }),
  };
}

function redirectPath(
  change: PathChange,
  path: PathMatch,
): NonNullable<MessageInitShape<typeof RedirectActionSchema>['pathRewriteSpecifier']> {
  if (change.type === 'ReplaceFullPath') return { case: 'pathRedirect', value: change.value };
  const { prefixRewrite, regexRewrite } = pathRewrite(change, path);
  return regexRewrite === undefined
    ? { case: 'prefixRewrite', value: prefixRewrite ?? '/' }
    : { case: 'regexRewrite', value: regexRewrite };
}
