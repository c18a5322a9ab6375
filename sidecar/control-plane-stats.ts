// The stream to discovery in the statistics, under Envoy's names.

import type { Clock } from '../core/clock.ts';
import type { ReadWatch } from '../core/watch.ts';
import type { Stats, SubscriptionStats } from './telemetry/stats.ts';
import type { AdsStatus, TypeStatus } from './xds/ads-status.ts';

/** How old what is in force may be: the time since discovery was last there. */
export class Staleness {
  #since: number | null;
  readonly #clock: Clock;

  constructor(status: ReadWatch<AdsStatus>, clock: Clock) {
    this.#clock = clock;
    this.#since = status.value.connected ? null : clock.now();
    status.subscribe(({ connected }) => {
      if (connected) this.#since = null;
      else this.#since ??= clock.now();
    });
  }

  /** 0 while discovery is there. */
  get seconds(): number {
    return this.#since === null ? 0 : Math.floor((this.#clock.now() - this.#since) / 1000);
  }
}

/** Copies what the stream counts into the cells at each change. */
export function countUpdates(status: ReadWatch<AdsStatus>, stats: Stats): void {
  const cds = stats.subscription('cluster_manager.cds');
  const lds = stats.subscription('listener_manager.lds');
  // All secrets together; Envoy has a row for each name.
  const sds = stats.subscription('sds');
  const copy = (now: AdsStatus) => {
    stats.controlPlane.connected_state = Number(now.connected);
    for (const type of now.types.values()) {
      if (type.type.shortName === 'CDS') fill(cds, type);
      else if (type.type.shortName === 'LDS') fill(lds, type);
      else if (type.type.shortName === 'SDS') fill(sds, type);
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
