// What is known of the stream to discovery: for the admin pages, the statistics and the readiness check.

import type { ResourceType } from '../../proto/resources.ts';
import { RESOURCE_TYPES } from '../../proto/resources.ts';
import type { Refusal } from './source.ts';

/** Of one resource type, over all streams. */
export interface TypeStatus {
  readonly type: ResourceType;
  /** The last version that was accepted whole; '' before. */
  version: string;
  /** Requests for resources sent, ACKs and NACKs not among them. */
  attempts: number;
  /** Responses accepted, and responses of which something was refused. */
  accepted: number;
  rejected: number;
  /** Milliseconds since 1970 of the last response that was accepted; 0 before. */
  lastUpdate: number;
  /** The last response that was refused, in part or whole; null when a later one was accepted. */
  lastRefusal: { readonly version: string; readonly refusals: readonly Refusal[]; readonly at: number } | null;
}

export interface AdsStatus {
  /** `control_plane.connected_state`: a stream on which discovery has answered. */
  readonly connected: boolean;
  readonly types: ReadonlyMap<ResourceType, TypeStatus>;
  /** Streams begun, and streams that ended without an answer. */
  readonly connects: number;
  readonly failures: number;
  /** Why the last stream ended; '' before one did. */
  readonly lastError: string;
  /** What discovery calls itself; ''. */
  readonly controlPlane: string;
}

export function newTypeStatuses(): ReadonlyMap<ResourceType, TypeStatus> {
  return new Map(
    RESOURCE_TYPES.map((type) => [
      type,
      { type, version: '', attempts: 0, accepted: 0, rejected: 0, lastUpdate: 0, lastRefusal: null },
    ]),
  );
}
