// The way in: whether a head is one that we serve, who the client is, which route takes the request and which
// cluster it goes to. What is found is noted on the serving and its exchange; nothing is answered here.

import { FAILURE } from '../errors.ts';
import type { Verdict } from '../filters/filter.ts';
import { CONNECT } from '../http/authority.ts';
import { field, type RequestHead } from '../http/head.ts';
import { isWebSocketKey, WEBSOCKET, WEBSOCKET_VERSION } from '../http/websocket.ts';
import type { ForwardAction } from '../model/route.ts';
import type { Tracer } from '../telemetry/tracing.ts';
import { HeaderAccessOf } from './header-access.ts';
import { admitRequest, passedTooOften } from './ingress.ts';
import { matchHost, matchRoute, mustUseTls } from './match.ts';
import { canonicalHost, canonicalPath } from './path.ts';
import { chooseTarget, noteCluster, upgradeOf } from './plan.ts';
import { replyOf } from './reply.ts';
import type { CompiledRoute, RouteTable } from './route-table.ts';
import type { Serving } from './serve.ts';
import { longestDuration } from './timeouts.ts';

/** CONNECT has none. */
const NO_PATH = { kind: 'keep', path: '' } as const;
const NO_HEADERS: readonly string[] = [];

/** An answer where the request goes no further. */
export function admit(serving: Serving, head: RequestHead): Verdict {
  const { hcm, x } = serving;
  const { config } = hcm;
  if (head.version === 10 && head.authority === '') head.authority = config.http1.defaultHostForHttp10;
  if (head.authority === '') return replyOf(FAILURE.missingHost);
  if (head.path === '*') return replyOf(FAILURE.absoluteUrl);
  if (passedTooOften(head)) return replyOf(FAILURE.loopDetected);
  const path = head.upgrade === CONNECT ? NO_PATH : canonicalPath(head.path, config);
  head.path = path.path;
  if (path.kind === 'reject') {
    hcm.stats.downstream_rq_failed_path_normalization++;
    return { ...replyOf(FAILURE.pathNormalization), close: true };
  }
  head.authority = canonicalHost(head.authority, x.connection.local.port, config);
  if (hcm.isMisdirected(head.authority)) return replyOf(FAILURE.misdirected);
  const table = hcm.routes();
  admitRequest(x, hcm, table === null ? NO_HEADERS : table.config.internalOnlyHeaders);
  if (path.kind === 'redirect') {
    hcm.stats.downstream_rq_redirected_with_normalized_path++;
    return { ...replyOf(FAILURE.pathNormalization), status: 307, headers: ['location', path.path] };
  }
  if (table !== null) findRoute(serving, head, table);
  if (hcm.tracer !== null) startTrace(serving, hcm.tracer, head);
  return head.upgrade === null ? null : admitUpgrade(serving, head, head.upgrade);
}

export function findRoute(serving: Serving, head: RequestHead, table: RouteTable): void {
  const { hcm, x } = serving;
  serving.filters = table.filters;
  const host = matchHost(table, head.authority);
  if (host === null) return;
  x.virtualHostName = host.host.name;
  x.virtualHostData = host.host.metadata;
  if (mustUseTls(host.host.requireTls, x)) {
    serving.toTls = true;
    return;
  }
  const route = matchRoute(host, x, hcm.clock.random);
  if (route !== null) takeRoute(serving, route);
}

/** Whether a request with this head would find a route, now. */
export function hasRoute({ x, hcm }: Serving, head: RequestHead): boolean {
  const table = hcm.routes();
  const host = table === null ? null : matchHost(table, head.authority);
  const before = x.request;
  x.request = head;
  const found = host !== null && matchRoute(host, x, hcm.clock.random) !== null;
  x.request = before;
  return found;
}

function takeRoute(serving: Serving, route: CompiledRoute): void {
  const { x, timers } = serving;
  serving.route = route;
  serving.filters = route.filters;
  serving.mutations = route.mutations;
  x.routeName = route.route.name;
  x.routeData = route.route.metadata;
  const { action } = route.route;
  if (action.kind !== 'forward') return;
  aim(serving, route, action);
  if (action.idleTimeoutMs !== null) timers.limitIdle(action.idleTimeoutMs);
  const longest = longestDuration(x.request, action);
  if (longest !== null) timers.limitDuration(longest);
}

function aim(serving: Serving, route: CompiledRoute, action: ForwardAction): void {
  const { x, hcm, clusters } = serving;
  const target = chooseTarget(x, action, hcm.clock.random);
  serving.target = target;
  if (target.weighted !== null) serving.mutations = route.weightedMutations[target.at] ?? route.mutations;
  const cluster = clusters.get(target.name);
  if (cluster !== undefined) noteCluster(x, cluster);
}

function startTrace(serving: Serving, tracer: Tracer, head: RequestHead): void {
  serving.trace = tracer.start(new HeaderAccessOf(head.headers));
  serving.x.traceId = serving.trace.traceId;
  serving.x.sampled = serving.trace.sampled;
}

function admitUpgrade(serving: Serving, head: RequestHead, type: string): Verdict {
  // Where it is to go nobody knows: the router says so (as Envoy).
  if (type === CONNECT && serving.route === null) return null;
  if (mayUpgrade(serving, type)) return type === WEBSOCKET ? handshakeFault(head) : null;
  serving.hcm.stats.downstream_rq_ws_on_non_ws_route++;
  return replyOf(FAILURE.upgradeFailed);
}

/** What is wrong with the beginning of a WebSocket (RFC 6455 4.2.1). What it lacks, the upstream judges. */
function handshakeFault({ method, headers }: RequestHead): Verdict {
  const version = field(headers, 'sec-websocket-version');
  if (version !== null && version !== WEBSOCKET_VERSION)
    return { ...replyOf(FAILURE.webSocketVersion), headers: ['sec-websocket-version', WEBSOCKET_VERSION] };
  const key = field(headers, 'sec-websocket-key');
  const isSound = method === 'GET' && (key === null || isWebSocketKey(key));
  return isSound ? null : replyOf(FAILURE.webSocketHandshake);
}

function mayUpgrade({ route, hcm }: Serving, type: string): boolean {
  const { action } = route?.route ?? { action: null };
  const onRoute = action?.kind === 'forward' ? upgradeOf(action, type) : undefined;
  const here = onRoute ?? hcm.config.upgrades.find((upgrade) => upgrade.type === type);
  return here?.enabled === true;
}
