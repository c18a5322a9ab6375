// Where a referenced resource comes from. One door: the aggregated stream of `dynamic_resources.ads_config`.

import type { ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import { ApiVersion } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts';
import type { Fields } from './fields.ts';

/** Envoy's `initial_fetch_timeout` when it is not given, milliseconds. */
export const INITIAL_FETCH_TIMEOUT_MS = 15_000;

/** Reports anything that is not `ads: {}` (or `self: {}`, from a resource that came over ADS). */
export function decodeConfigSource(f: Fields<typeof ConfigSourceSchema>): { initialFetchTimeoutMs: number } {
  const source = f.take('configSourceSpecifier');
  const version = f.take('resourceApiVersion');
  const initialFetchTimeoutMs = f.ms('initialFetchTimeout', INITIAL_FETCH_TIMEOUT_MS);
  f.ignore('authorities');
  f.end();
  if (version === ApiVersion.V2) f.invalid('resourceApiVersion', 'V2 is gone; write V3');
  if (source.case !== undefined && source.case !== 'ads' && source.case !== 'self') {
    f.unsupported(source.case, 'is not supported by fairlead: resources come over ADS (write `ads: {}`)');
  }
  return { initialFetchTimeoutMs };
}
