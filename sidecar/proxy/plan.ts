// From a matched route to what forwarding needs: which cluster, how long, how often, and the request made
// ready for it. Everything that is the same for every attempt is done here, once.

import { FAILURE } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { LocalReply } from '../filters/filter.ts';
import { CONNECT } from '../http/authority.ts';
import {
  field,
  type HeaderList,
  isEnvoyName,
  isGrpcType,
  type RequestHead,
  removeField,
  setField,
} from '../http/head.ts';
import type { ForwardAction, UpgradeConfig, WeightedCluster } from '../model/route.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Clusters } from '../upstream/clusters.ts';
import type { ForwardPlan } from './forward.ts';
import { applyMutations } from './mutate.ts';
import { replyOf } from './reply.ts';
import { retryRules } from './retry.ts';
import { rewriteHost, rewritePath } from './rewrite.ts';
import type { CompiledRoute } from './route-table.ts';
import type { Serving } from './serve.ts';
import { misstatesDeadline, requestTimeouts, setExpectedTimeout } from './timeouts.ts';

/** Headers of retries that end here (Envoy's RetryState takes them off). */
const RETRY_STEERING = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-upstream-rq-per-try-timeout-ms',
];

const STEERING = new Set([...RETRY_STEERING, 'x-envoy-upstream-rq-timeout-ms', 'x-envoy-expected-rq-timeout-ms']);

/** Envoy takes such a deadline for none, and lets the call go on without one. */
const MISSTATED_DEADLINE: LocalReply = {
  ...replyOf(FAILURE.grpcTimeout, 'malformed grpc-timeout: at most 8 digits and one of H, M, S, m, u, n'),
  grpcStatus: FAILURE.grpcTimeout.grpc,
};

const NO_ROUTER = { suppressEnvoyHeaders: false, respectExpectedRqTimeout: false };

/** Where a matched route sends a request: decided with the route, before filters run, and logged from then on. */
export interface Target {
  readonly name: string;
  /** The entry of weighted_clusters that was taken, and its place. */
  readonly weighted: WeightedCluster | null;
  readonly at: number;
}

/** A reply where the request goes nowhere. */
export function planForward(
  serving: Serving,
  route: CompiledRoute,
  action: ForwardAction,
  clusters: Clusters,
): ForwardPlan | LocalReply {
  const { hcm, target } = serving;
  const cluster = target === null ? undefined : clusters.get(target.name);
  if (target === null || cluster === undefined) {
    hcm.stats.no_cluster++;
    return { ...replyOf(FAILURE.clusterNotFound), status: action.clusterNotFoundStatus };
  }
  return dropped(cluster) ?? prepare(serving, route, action, cluster, target);
}

/** Notes the cluster of a target on the exchange. */
export function noteCluster(x: Exchange, cluster: Cluster): void {
  x.upstreamCluster = cluster.description.altStatName ?? cluster.name;
  x.upstreamClusterRaw = cluster.name;
  x.clusterData = cluster.description.metadata;
}

function dropped(cluster: Cluster): LocalReply | null {
  const category = cluster.dropCategory();
  if (category === null) return null;
  const certain = cluster.assignment?.dropOverloads.some(({ share }) => share >= 1) === true;
  const row = certain ? FAILURE.unconditionalDropOverload : FAILURE.dropOverload;
  return {
    ...replyOf(row),
    headers: [certain ? 'x-envoy-unconditional-drop-overload' : 'x-envoy-drop-overload', 'true'],
  };
}

function prepare(
  serving: Serving,
  route: CompiledRoute,
  action: ForwardAction,
  cluster: Cluster,
  target: Target,
): ForwardPlan | LocalReply {
  const { x, hcm } = serving;
  const head = x.request;
  const options = hcm.router ?? NO_ROUTER;
  const heeded = heededFields(head.headers);
  if ((heeded & GRPC) !== 0) {
    const refused = admitGrpc(head, heeded);
    if (refused !== null) return refused;
  }
  const steered = (heeded & STEERS) !== 0;
  const policy = route.retry?.policy ?? null;
  const timeouts = requestTimeouts(head, action, policy, options.respectExpectedRqTimeout, steered);
  const rules = retryRules(route.retry, head, steered);
  if (steered) for (const name of RETRY_STEERING) removeField(head.headers, name);
  const { host } = route.host;
  if (host.includeRequestAttemptCount) setField(head.headers, 'x-envoy-attempt-count', '1');
  applyMutations(serving.mutations.request, head.headers, x);
  rewritePath(head, route.route.match, action.pathRewrite, !options.suppressEnvoyHeaders);
  rewriteHost(head, action, target.weighted?.hostRewriteLiteral ?? null);
  if (!options.suppressEnvoyHeaders) setExpectedTimeout(head, timeouts, 0);
  return {
    cluster,
    action,
    rules,
    timeouts,
    suppressEnvoyHeaders: options.suppressEnvoyHeaders,
    countAttempts: host.includeRequestAttemptCount,
    bufferLimit: hcm.bufferLimit,
    terminatesConnect: head.upgrade === CONNECT && upgradeOf(action, CONNECT)?.terminates === true,
    trace: serving.trace,
  };
}

/** What the route says of an upgrade. */
export function upgradeOf({ upgrades }: ForwardAction, type: string): UpgradeConfig | undefined {
  return upgrades.find((upgrade) => upgrade.type === type);
}

/** A field may steer how long and how often we try. */
const STEERS = 1;
const GRPC = 2;
/** What a gRPC client should say and may leave out. */
const TE = 4;
const DEADLINE = 8;

/** Which of these a request has, as bits, looked for once. Their length tells nearly all other names apart. */
function heededFields(headers: HeaderList): number {
  let found = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const { length } = name;
    if (length === 12) {
      if (name === 'content-type' && isGrpcType(headers[i + 1] as string)) found |= GRPC;
      else if (name === 'grpc-timeout') found |= DEADLINE;
    } else if (length === 2) {
      if (name === 'te') found |= TE;
    } else if (isEnvoyName(name) && STEERING.has(name)) found |= STEERS;
  }
  return found;
}

/** gRPC's own rules for a request; an answer where it breaks one that neither we nor the service can do without. */
function admitGrpc(head: RequestHead, heeded: number): LocalReply | null {
  if ((heeded & DEADLINE) !== 0 && misstatesDeadline(head)) return MISSTATED_DEADLINE;
  // There are services that refuse calls without it, and callers and hops that leave it out.
  if ((heeded & TE) === 0) head.headers.push('te', 'trailers');
  return null;
}

export function chooseTarget(x: Exchange, action: ForwardAction, random: () => number): Target {
  const { target } = action;
  const { headers } = x.request;
  if (target.kind === 'cluster') return { name: target.name, weighted: null, at: -1 };
  if (target.kind === 'header') return { name: field(headers, target.name) ?? '', weighted: null, at: -1 };
  const at = weightedPlace(target, field(headers, target.headerName ?? ''), random);
  const weighted = target.clusters[at] as WeightedCluster;
  const name = weighted.target.kind === 'cluster' ? weighted.target.name : (field(headers, weighted.target.name) ?? '');
  return { name, weighted, at };
}

/** The entry whose share holds the drawn number: the header's value modulo the total, or chance. */
function weightedPlace(
  target: Extract<ForwardAction['target'], { kind: 'weighted' }>,
  header: string | null,
  random: () => number,
): number {
  const given = header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null;
  let left = given === null ? Math.floor(random() * target.total) : given % target.total;
  for (let at = 0; at < target.clusters.length; at++) {
    left -= (target.clusters[at] as WeightedCluster).weight;
    if (left < 0) return at;
  }
  return target.clusters.length - 1;
}
