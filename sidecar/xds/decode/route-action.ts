// Where a matched request goes: the forwarding action with its target, rewrites, timeouts and policies.

import {
  MetadataSchema,
  RoutingPriority,
  RuntimeFractionalPercentSchema,
} from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { RouteActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import {
  WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  RouteAction_HashPolicySchema as HashPolicySchema,
  InternalRedirectPolicySchema,
  RouteAction_MaxStreamDurationSchema as MaxStreamDurationSchema,
  RouteAction_RequestMirrorPolicySchema as MirrorSchema,
  RouteAction_ClusterNotFoundResponseCode as NotFoundCode,
  RetryPolicySchema,
  RouteAction_UpgradeConfig_ConnectConfigSchema as ConnectSchema,
  RouteAction_UpgradeConfigSchema as UpgradeSchema,
  WeightedClusterSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RegexMatchAndSubstituteSchema } from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import type {
  ForwardAction,
  InternalRedirectPolicy,
  RequestMirror,
  UpgradeConfig,
  WeightedCluster,
} from '../../model/route.ts';
import type { Fields } from './fields.ts';
import { decodeHashPolicy } from './hash-policy.ts';
import { decodeMutations } from './header-mutations.ts';
import { decodeRuntimeFraction } from './matcher.ts';
import { decodeMetadata } from './metadata.ts';
import { decodePerFilterConfig } from './per-filter.ts';
import { decodeRegexRewrite } from './regex.ts';
import { decodeRetryPolicy } from './retry.ts';

/** What holds for a whole route configuration. */
export interface RouteScope {
  /** Clusters that may be named; null: any (`validate_clusters` is off). */
  readonly clusters: ReadonlySet<string> | null;
  readonly maxDirectBodyBytes: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const NOT_FOUND_STATUS: Readonly<Record<NotFoundCode, number>> = {
  [NotFoundCode.SERVICE_UNAVAILABLE]: 503,
  [NotFoundCode.NOT_FOUND]: 404,
  [NotFoundCode.INTERNAL_SERVER_ERROR]: 500,
};
const MOST_WEIGHT = 2 ** 32 - 1;

export function decodeForward(
  f: Fields<typeof RouteActionSchema>,
  scope: RouteScope,
  safeRetries: boolean,
): ForwardAction {
  const retry = f.child('retryPolicy', RetryPolicySchema);
  const redirect = f.child('internalRedirectPolicy', InternalRedirectPolicySchema);
  // Rate limits and CORS act only through their filters, which would be refused where they stand.
  f.ignore('rateLimits', 'cors');
  const action: ForwardAction = {
    target: decodeTarget(f, scope),
    clusterNotFoundStatus: NOT_FOUND_STATUS[f.take('clusterNotFoundResponseCode')] ?? 503,
    metadataMatch:
      f.message.metadataMatch === undefined ? null : decodeMetadata(f.child('metadataMatch', MetadataSchema)),
    pathRewrite: decodePathRewrite(f),
    hostRewrite: decodeHostRewrite(f),
    appendXForwardedHost: f.take('appendXForwardedHost'),
    timeoutMs: f.ms('timeout', DEFAULT_TIMEOUT_MS),
    idleTimeoutMs: f.ms('idleTimeout', null),
    maxStreamDuration: decodeMaxStreamDuration(f.child('maxStreamDuration', MaxStreamDurationSchema)),
    retryPolicy: retry === null ? null : decodeRetryPolicy(retry, safeRetries),
    priority: f.take('priority') === RoutingPriority.HIGH ? 'high' : 'default',
    hashPolicy: f.children('hashPolicy', HashPolicySchema).flatMap(decodeHashPolicy),
    upgrades: decodeUpgrades(f.children('upgradeConfigs', UpgradeSchema)),
    requestMirrors: f.children('requestMirrorPolicies', MirrorSchema).map((mirror) => decodeMirror(mirror, scope)),
    internalRedirect: redirect === null ? null : decodeInternalRedirect(redirect),
    includeVirtualHostRateLimits: f.take('includeVhRateLimits') ?? false,
  };
  f.end();
  return action;
}

/** Reports a cluster that does not exist where `validate_clusters` asks for it. */
export function checkCluster(
  f: { invalid(name: string, reason: string): void },
  field: string,
  name: string,
  scope: RouteScope,
): void {
  if (scope.clusters !== null && !scope.clusters.has(name)) f.invalid(field, `unknown cluster "${name}"`);
}

function decodeTarget(f: Fields<typeof RouteActionSchema>, scope: RouteScope): ForwardAction['target'] {
  const specifier = f.take('clusterSpecifier');
  switch (specifier.case) {
    case 'cluster':
      checkCluster(f, 'cluster', specifier.value, scope);
      return { kind: 'cluster', name: specifier.value };
    case 'clusterHeader':
      return { kind: 'header', name: specifier.value.toLowerCase() };
    case 'weightedClusters':
      return decodeWeighted(f.choice('weightedClusters', specifier.value, WeightedClusterSchema), scope);
    default:
      if (specifier.case !== undefined) f.unsupported(specifier.case);
      return { kind: 'cluster', name: '' };
  }
}

function decodeWeighted(f: Fields<typeof WeightedClusterSchema>, scope: RouteScope): ForwardAction['target'] {
  const clusters = f.children('clusters', ClusterWeightSchema).map((weight) => decodeWeight(weight, scope));
  const chance = f.take('randomValueSpecifier');
  // There is no runtime here whose keys could change the weights; the old total says nothing any more.
  f.ignore('runtimeKeyPrefix', 'totalWeight');
  f.end();
  const total = clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
  if (clusters.length > 0 && total === 0) f.invalid('', 'the sum of weights must be greater than 0');
  if (total > MOST_WEIGHT) f.invalid('', `the sum of weights must be at most ${MOST_WEIGHT}`);
  if (chance.case === 'useHashPolicy' && chance.value) f.unsupported('useHashPolicy');
  const headerName = chance.case === 'headerName' && chance.value !== '' ? chance.value.toLowerCase() : null;
  return { kind: 'weighted', clusters, total, headerName };
}

function decodeWeight(f: Fields<typeof ClusterWeightSchema>, scope: RouteScope): WeightedCluster {
  const weight = f.take('weight');
  const rewrite = f.take('hostRewriteSpecifier');
  if (weight === undefined) f.invalid('weight', 'is required');
  const cluster: WeightedCluster = {
    target: decodeNamed(f, f.take('name'), 'name', f.take('clusterHeader'), scope),
    weight: weight ?? 0,
    headers: decodeMutations(f),
    hostRewriteLiteral: rewrite.case === 'hostRewriteLiteral' && rewrite.value !== '' ? rewrite.value : null,
    metadataMatch:
      f.message.metadataMatch === undefined ? null : decodeMetadata(f.child('metadataMatch', MetadataSchema)),
    typedPerFilterConfig: decodePerFilterConfig(
      f.take('typedPerFilterConfig'),
      f.at('typedPerFilterConfig'),
      f.context,
    ),
  };
  f.end();
  return cluster;
}

/** A cluster by its name, or by a header that holds the name: exactly one of both. */
function decodeNamed(
  f: { invalid(name: string, reason: string): void },
  name: string,
  field: string,
  header: string,
  scope: RouteScope,
): WeightedCluster['target'] {
  if (name !== '' && header !== '') f.invalid(field, `only one of ${field} and cluster_header may be given`);
  if (name === '' && header === '') f.invalid(field, `one of ${field} and cluster_header is required`);
  if (header !== '') return { kind: 'header', name: header.toLowerCase() };
  if (name !== '') checkCluster(f, field, name, scope);
  return { kind: 'cluster', name };
}

export function decodeMirror(f: Fields<typeof MirrorSchema>, scope: RouteScope): RequestMirror {
  const fraction = f.child('runtimeFraction', RuntimeFractionalPercentSchema);
  const mirror = {
    target: decodeNamed(f, f.take('cluster'), 'cluster', f.take('clusterHeader'), scope),
    fraction: fraction === null ? 1 : decodeRuntimeFraction(fraction),
    disableShadowHostSuffix: f.take('disableShadowHostSuffixAppend'),
  };
  f.end();
  return mirror;
}

function decodePathRewrite(f: Fields<typeof RouteActionSchema>): ForwardAction['pathRewrite'] {
  const prefix = f.take('prefixRewrite');
  const regex = f.child('regexRewrite', RegexMatchAndSubstituteSchema);
  if (prefix !== '' && regex !== null)
    f.invalid('regexRewrite', 'only one of prefix_rewrite, regex_rewrite and path_rewrite_policy may be given');
  if (regex !== null) return { kind: 'regex', rewrite: decodeRegexRewrite(regex) };
  return prefix === '' ? null : { kind: 'prefix', value: prefix };
}

function decodeHostRewrite(f: Fields<typeof RouteActionSchema>): ForwardAction['hostRewrite'] {
  const specifier = f.take('hostRewriteSpecifier');
  switch (specifier.case) {
    case 'hostRewriteLiteral':
      return specifier.value === '' ? null : { kind: 'literal', value: specifier.value };
    case 'autoHostRewrite':
      return specifier.value ? { kind: 'auto' } : null;
    case 'hostRewriteHeader':
      return specifier.value === '' ? null : { kind: 'header', name: specifier.value.toLowerCase() };
    case 'hostRewritePathRegex':
      return {
        kind: 'path-regex',
        rewrite: decodeRegexRewrite(f.choice('hostRewritePathRegex', specifier.value, RegexMatchAndSubstituteSchema)),
      };
    default:
      return specifier.case === undefined ? null : f.unsupported(specifier.case);
  }
}

function decodeMaxStreamDuration(f: Fields<typeof MaxStreamDurationSchema> | null): ForwardAction['maxStreamDuration'] {
  if (f === null) return null;
  const duration = {
    maxMs: f.ms('maxStreamDuration', null),
    grpcTimeoutHeaderMaxMs: f.ms('grpcTimeoutHeaderMax', null),
    grpcTimeoutHeaderOffsetMs: f.ms('grpcTimeoutHeaderOffset', 0),
  };
  f.end();
  return duration;
}

function decodeUpgrades(list: readonly Fields<typeof UpgradeSchema>[]): UpgradeConfig[] {
  const seen = new Set<string>();
  return list.map((f) => {
    const type = f.take('upgradeType').toLowerCase();
    const enabled = f.take('enabled') ?? true;
    if (seen.has(type)) f.invalid('upgradeType', `"${type}" stands twice`);
    const connect = f.child('connectConfig', ConnectSchema);
    if (connect !== null && type !== 'connect') f.invalid('connectConfig', 'is for CONNECT only');
    if (connect !== null) checkConnect(connect);
    f.end();
    seen.add(type);
    return { type, enabled, terminates: connect !== null };
  });
}

function checkConnect(f: Fields<typeof ConnectSchema>): void {
  if (f.message.proxyProtocolConfig !== undefined) f.unsupported('proxyProtocolConfig');
  if (f.take('allowPost')) f.unsupported('allowPost');
  f.end();
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Codes other than redirects are passed over, as Envoy does; none given means 302. */
function decodeInternalRedirect(f: Fields<typeof InternalRedirectPolicySchema>): InternalRedirectPolicy {
  const codes = f.take('redirectResponseCodes');
  const policy = {
    maxRedirects: f.take('maxInternalRedirects') ?? 1,
    statuses: codes.length === 0 ? [302] : codes.filter((code) => REDIRECTS.has(code)),
    allowCrossScheme: f.take('allowCrossSchemeRedirect'),
  };
  f.end();
  return policy;
}
