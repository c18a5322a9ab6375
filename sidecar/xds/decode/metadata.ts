// Metadata: plain JSON by namespace, and the typed kind, of which we know our own retry policy.

import { FORBIDDEN_KEYS } from '../../../core/forbidden-keys.ts';
import type { MetadataSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { SafeRetrySchema } from '../../../proto/gen/fairlead/policy/v1/retry_pb.ts';
import { structToPlain } from '../../../proto/scalars.ts';
import type { Metadata } from '../../model/route.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';

export const NO_METADATA: Metadata = Object.freeze({});

/** Where our discovery writes what Envoy's RetryPolicy cannot say. */
export const RETRY_NAMESPACE = 'fairlead.policy.retry';

/** Typed metadata of types that we do not know is carried by nobody and means nothing here. */
export function decodeMetadata(f: Fields<typeof MetadataSchema> | null): Metadata {
  if (f === null) return NO_METADATA;
  f.ignore('typedFilterMetadata');
  const entries = Object.entries(f.take('filterMetadata')).map(
    ([name, struct]) => [name, structToPlain(struct)] as const,
  );
  const forbidden = forbiddenKey(Object.fromEntries(entries));
  if (forbidden !== null) f.invalid('filterMetadata', `"${forbidden}" is not allowed as a key`);
  f.end();
  return entries.length === 0 ? NO_METADATA : Object.freeze(Object.fromEntries(entries));
}

/** The first one at any depth, which the reader of the bytes has bounded. */
function forbiddenKey(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const found = FORBIDDEN_KEYS.has(key) ? key : forbiddenKey(inner);
    if (found !== null) return found;
  }
  return null;
}

/** Whether a route's typed metadata asks for safe retries only (fairlead.policy.v1.SafeRetry). */
export function asksForSafeRetries(f: Fields<typeof MetadataSchema> | null): boolean {
  const any = f?.message.typedFilterMetadata[RETRY_NAMESPACE];
  if (f === null || any === undefined || typeName(any) !== SafeRetrySchema.typeName) return false;
  const opened = openAny(any, `${f.at('typedFilterMetadata')}["${RETRY_NAMESPACE}"]`, f.context);
  if (opened === null || !isType(opened, SafeRetrySchema)) return false;
  const safe = opened.take('safeOnly');
  opened.end();
  return safe;
}
