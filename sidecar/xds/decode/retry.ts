// Retry policies of routes and virtual hosts, with Envoy's defaults.

import type { RetryPolicySchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import {
  RetryPolicy_RetryBackOffSchema as BackOffSchema,
  HeaderMatcherSchema,
  RetryPolicy_RetryHostPredicateSchema as HostPredicateSchema,
  RetryPolicy_RetryPrioritySchema as PrioritySchema,
  RetryPolicy_RateLimitedRetryBackOffSchema as RateLimitedSchema,
  RetryPolicy_ResetHeaderFormat as ResetFormat,
  RetryPolicy_ResetHeaderSchema as ResetHeaderSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { OmitCanaryHostsPredicateSchema } from '../../../proto/gen/envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts_pb.ts';
import { PreviousHostsPredicateSchema } from '../../../proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts';
import { PreviousPrioritiesConfigSchema } from '../../../proto/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.ts';
import type { RateLimitedBackoff, RetryPolicy } from '../../model/route.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { decodeHeaderMatch } from './matcher.ts';

const DEFAULT_BASE_MS = 25;
const DEFAULT_RATE_LIMITED_MAX_MS = 300_000;

export function decodeRetryPolicy(f: Fields<typeof RetryPolicySchema>, safeOnly: boolean): RetryPolicy {
  const predicates = f.children('retryHostPredicate', HostPredicateSchema).map(decodePredicate);
  const rateLimited = f.child('rateLimitedRetryBackOff', RateLimitedSchema);
  const priority = f.child('retryPriority', PrioritySchema);
  const policy: RetryPolicy = {
    retryOn: words(f.take('retryOn')),
    numRetries: f.take('numRetries') ?? 1,
    perTryTimeoutMs: f.ms('perTryTimeout', 0),
    perTryIdleTimeoutMs: f.ms('perTryIdleTimeout', 0),
    retriableStatusCodes: f.take('retriableStatusCodes'),
    retriableHeaders: f.children('retriableHeaders', HeaderMatcherSchema).map(decodeHeaderMatch),
    retriableRequestHeaders: f.children('retriableRequestHeaders', HeaderMatcherSchema).map(decodeHeaderMatch),
    backoff: decodeBackOff(f.child('retryBackOff', BackOffSchema)),
    rateLimitedBackoff: rateLimited === null ? null : decodeRateLimited(rateLimited),
    avoidPreviousHosts: predicates.includes('previous-hosts'),
    omitCanaryHosts: predicates.includes('omit-canary-hosts'),
    previousPriorities: priority === null ? null : decodePriority(priority),
    hostSelectionAttempts: Number(f.take('hostSelectionRetryMaxAttempts')) || 1,
    safeOnly,
  };
  f.end();
  return policy;
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** Intervals below a millisecond are a millisecond; the longest is ten times the base unless given. */
function decodeBackOff(f: Fields<typeof BackOffSchema> | null): RetryPolicy['backoff'] {
  if (f === null) return { baseMs: DEFAULT_BASE_MS, maxMs: 10 * DEFAULT_BASE_MS };
  const base = f.ms('baseInterval', DEFAULT_BASE_MS);
  const max = f.ms('maxInterval', null);
  f.end();
  if (max !== null && max < base) f.invalid('maxInterval', 'must be greater than or equal to base_interval');
  const baseMs = Math.max(base, 1);
  return { baseMs, maxMs: Math.max(max ?? 10 * baseMs, 1) };
}

function decodeRateLimited(f: Fields<typeof RateLimitedSchema>): RateLimitedBackoff {
  const resetHeaders = f.children('resetHeaders', ResetHeaderSchema).map((header) => {
    const decoded = {
      name: header.take('name').toLowerCase(),
      format: header.take('format') === ResetFormat.UNIX_TIMESTAMP ? ('unix-timestamp' as const) : ('seconds' as const),
    };
    header.end();
    return decoded;
  });
  const maxMs = f.ms('maxInterval', DEFAULT_RATE_LIMITED_MAX_MS);
  f.end();
  return { maxMs, resetHeaders };
}

type Predicate = 'previous-hosts' | 'omit-canary-hosts';

const PREDICATES: ReadonlyMap<string, Predicate> = new Map([
  [PreviousHostsPredicateSchema.typeName, 'previous-hosts'],
  [OmitCanaryHostsPredicateSchema.typeName, 'omit-canary-hosts'],
]);

function decodePredicate(f: Fields<typeof HostPredicateSchema>): Predicate | null {
  const config = f.take('configType');
  f.ignore('name');
  f.end();
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const known = PREDICATES.get(typeName(config.value));
  return known ?? f.unsupported('typedConfig', 'this retry host predicate is not supported by fairlead');
}

function decodePriority(f: Fields<typeof PrioritySchema>): number | null {
  const config = f.take('configType');
  f.ignore('name');
  f.end();
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const opened = openAny(config.value, f.at('typedConfig'), f.context);
  if (opened === null) return null;
  if (!isType(opened, PreviousPrioritiesConfigSchema))
    return opened.unsupported('', 'this retry priority is not supported by fairlead');
  const frequency = opened.take('updateFrequency');
  opened.end();
  return frequency;
}
