// The stream to discovery in the statistics, under Envoy's names.

import type { ReadWatch } from '../core/watch.ts';
import type { Stats, SubscriptionStats } from './telemetry/stats.ts';
import type { AdsStatus, TypeStatus } from './xds/ads-status.ts';

/** Copies what the stream counts into the cells at each change. */
export function countUpdates(status: ReadWatch<AdsStatus>, stats: Stats): void {
  const cds = stats.subscription('cluster_manager.cds');
  const lds = stats.subscription('listener_manager.lds');
  const copy = (now: AdsStatus) => {
    stats.controlPlane.connected_state = Number(now.connected);
    for (const type of now.types.values()) {
      if (type.type.shortName === 'CDS') fill(cds, type);
      else if (type.type.shortName === 'LDS') fill(lds, type);
    }
  };
  copy(status.value);
  status.subscribe(copy);
}

function fill(cell: SubscriptionStats, type: TypeStatus): void {
  cell.update_attempt = type.attempts + type.accepted + type.rejected;
  cell.update_success = type.accepted;
  cell.update_rejected = type.rejected;
  cell.update_time = type.lastUpdate;
  cell.version = numberOf(type.version);
}

/** A number that differs where versions differ, as Envoy's hash does (FNV-1a, 32 bits). */
function numberOf(version: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < version.length; i++) hash = Math.imul(hash ^ version.charCodeAt(i), 0x01000193) >>> 0;
  return version === '' ? 0 : hash;
}
