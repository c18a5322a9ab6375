// Retries in Envoy's words. The default repeats only what a gateway or the connection failed at, twice, on
// another instance; and our own extension says that what may have been processed is not repeated.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MetadataSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { RetryPolicySchema } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { PreviousHostsPredicateSchema } from '../../proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts';
import { SafeRetrySchema } from '../../proto/gen/fairlead/policy/v1/retry_pb.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { RetryPolicy } from '../catalog/types.ts';
import { any } from './resource.ts';

const DEFAULT_RETRY_ON = ['connect-failure', 'refused-stream', 'reset-before-request', 'gateway-error'];
const DEFAULT_ATTEMPTS = 2;
/**
 * Draws until one falls on a host that was not tried. Many: a host that fails at once is never busy, and
 * least request draws it three times in four.
 */
const HOST_SELECTION_ATTEMPTS = 32n;
const DEFAULT_BACKOFF_MS = 25;
/** Where our sidecar looks for what Envoy's RetryPolicy cannot say. */
export const SAFE_RETRY_KEY = 'fairlead.policy.retry';

/** null: nothing is repeated. */
export function retryPolicy(
  policy: RetryPolicy | null,
  perTryMs: number | null,
): MessageInitShape<typeof RetryPolicySchema> | null {
  if (policy?.attempts === 0) return null;
  const on = policy !== null && policy.on.length > 0 ? policy.on : DEFAULT_RETRY_ON;
  const codes = policy?.codes ?? [];
  const base = policy?.backoffMs ?? DEFAULT_BACKOFF_MS;
  const perTry = policy?.perTryTimeoutMs ?? perTryMs;
  return {
    retryOn: [
      ...on,
      ...(codes.length > 0 && !on.includes('retriable-status-codes') ? ['retriable-status-codes'] : []),
    ].join(','),
    numRetries: policy?.attempts ?? DEFAULT_ATTEMPTS,
    retriableStatusCodes: [...codes],
    retryHostPredicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        configType: { case: 'typedConfig', value: any(PreviousHostsPredicateSchema, {}) },
      },
    ],
    hostSelectionRetryMaxAttempts: HOST_SELECTION_ATTEMPTS,
    retryBackOff: { baseInterval: toDuration(base), maxInterval: toDuration(policy?.maxBackoffMs ?? base * 10) },
    ...(perTry === null || perTry === 0 ? {} : { perTryTimeout: toDuration(perTry) }),
  };
}

/** Route metadata that makes retries safe, unless the policy says otherwise. */
export function safeRetryMetadata(policy: RetryPolicy | null): MessageInitShape<typeof MetadataSchema> | null {
  if (policy !== null && !policy.safeOnly) return null;
  return { typedFilterMetadata: { [SAFE_RETRY_KEY]: any(SafeRetrySchema, { safeOnly: true }) } };
}
