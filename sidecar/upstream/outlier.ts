// Outlier detection by consecutive errors: a host that keeps failing is left out for a while, longer each
// time. Counting is a few integer operations per answer; returning hosts is a sweep once an interval.

import type { Clock, Timer } from '../../core/clock.ts';
import type { OutlierDetection } from '../model/cluster.ts';
import { type ClusterStats, OutlierStats } from '../telemetry/cells/cluster.ts';

/** What goes wrong on our side of an exchange: no connection, or it broke before the answer; or no answer in time. */
export type LocalFailure = 'failure' | 'timeout';

/** The detector writes `ejected`; everybody else reads it. */
export interface Ejectable {
  ejected: boolean;
}

export interface OutlierOptions<H> {
  /** The members now: the share of ejected hosts is taken of these. */
  readonly hosts: () => readonly H[];
  readonly stats: ClusterStats;
  readonly clock: Clock;
  /** After ejections or returns: whoever picks hosts looks again. */
  readonly onChange: () => void;
}

type Kind = 'consecutive_5xx' | 'consecutive_gateway_failure' | 'consecutive_local_origin_failure';

/** One host: runs of failures, and the ejection if there is one. */
interface HostRecord {
  run5xx: number;
  runGateway: number;
  runLocal: number;
  /** How many ejections lie close behind; each makes the next one longer. */
  times: number;
  /** End of the ejection, monotonic ms. */
  endMs: number;
}

/** For one description of one cluster; stop it and make another when the description changes. */
export class OutlierDetector<H extends Ejectable> {
  readonly #config: OutlierDetection;
  readonly #options: OutlierOptions<H>;
  readonly #stats = new OutlierStats();
  readonly #records = new WeakMap<H, HostRecord>();
  /** The one asked for last, with its host: each request asks for the same one several times. */
  #last: { readonly host: H; readonly record: HostRecord } | null = null;
  #sweep: Timer | null = null;

  constructor(config: OutlierDetection, options: OutlierOptions<H>) {
    this.#config = config;
    this.#options = options;
    options.stats.outlier_detection = this.#stats;
    this.#arm();
  }

  /** A response head came with this status. */
  answered(host: H, status: number): void {
    const record = this.#recordOf(host);
    if (status < 500 || status > 599) {
      record.run5xx = 0;
      record.runGateway = 0;
      return;
    }
    const { consecutive5xx, consecutiveGatewayFailure } = this.#config;
    record.runGateway = status >= 502 && status <= 504 ? record.runGateway + 1 : 0;
    if (record.runGateway > 0 && record.runGateway === consecutiveGatewayFailure) {
      record.runGateway = 0;
      this.#detected(host, record, 'consecutive_gateway_failure');
    }
    if (++record.run5xx !== consecutive5xx) return;
    record.run5xx = 0;
    this.#detected(host, record, 'consecutive_5xx');
  }

  /** Without split_external_local_origin_errors it counts as the status that the client sees. */
  failed(host: H, kind: LocalFailure): void {
    if (!this.#config.splitLocalOrigin) {
      this.answered(host, kind === 'timeout' ? 504 : 503);
      return;
    }
    const record = this.#recordOf(host);
    if (++record.runLocal !== this.#config.consecutiveLocalOriginFailure) return;
    record.runLocal = 0;
    this.#detected(host, record, 'consecutive_local_origin_failure');
  }

  /** A connection was opened or reused. */
  connected(host: H): void {
    if (this.#config.splitLocalOrigin) this.#recordOf(host).runLocal = 0;
  }

  /** Everybody comes back. */
  stop(): void {
    this.#sweep?.cancel();
    this.#sweep = null;
    if (this.#options.stats.outlier_detection === this.#stats) this.#options.stats.outlier_detection = null;
    for (const host of this.#options.hosts()) host.ejected = false;
  }

  #recordOf(host: H): HostRecord {
    if (this.#last?.host === host) return this.#last.record;
    let record = this.#records.get(host);
    if (record === undefined) {
      record = { run5xx: 0, runGateway: 0, runLocal: 0, times: 0, endMs: 0 };
      this.#records.set(host, record);
    }
    this.#last = { host, record };
    return record;
  }

  #detected(host: H, record: HostRecord, kind: Kind): void {
    if (host.ejected) return;
    const stats = this.#stats;
    stats[`ejections_detected_${kind}`]++;
    if (kind === 'consecutive_5xx') stats.ejections_consecutive_5xx++;
    if (!this.#mayEject()) {
      stats.ejections_overflow++;
      return;
    }
    if (kind === 'consecutive_5xx') stats.ejections_total++;
    if (this.#options.clock.random() * 100 >= this.#enforcing(kind)) return;
    stats.ejections_enforced_total++;
    stats[`ejections_enforced_${kind}`]++;
    this.#eject(host, record);
  }

  #enforcing(kind: Kind): number {
    switch (kind) {
      case 'consecutive_5xx':
        return this.#config.enforcingConsecutive5xx;
      case 'consecutive_gateway_failure':
        return this.#config.enforcingConsecutiveGatewayFailure;
      case 'consecutive_local_origin_failure':
        return this.#config.enforcingConsecutiveLocalOriginFailure;
    }
  }

  /** The share of ejected hosts, this one included, may reach the limit and not pass it. */
  #mayEject(): boolean {
    const { maxEjectionPercent, alwaysEjectOneHost } = this.#config;
    const hosts = this.#options.hosts();
    const active = hosts.filter(({ ejected }) => ejected).length;
    if (active === 0 && alwaysEjectOneHost) return true;
    return (100 * (active + 1)) / hosts.length <= maxEjectionPercent;
  }

  #eject(host: H, record: HostRecord): void {
    const { baseEjectionMs, maxEjectionMs, maxEjectionJitterMs } = this.#config;
    const { clock, onChange } = this.#options;
    const longest = Math.max(maxEjectionMs, baseEjectionMs);
    if (record.times * baseEjectionMs < longest + baseEjectionMs) record.times++;
    record.endMs =
      clock.now() + Math.min(baseEjectionMs * record.times, longest) + clock.random() * maxEjectionJitterMs;
    host.ejected = true;
    this.#stats.ejections_active++;
    onChange();
  }

  #arm(): void {
    this.#sweep = this.#options.clock.after(this.#config.intervalMs, () => {
      this.#arm();
      this.#sweepHosts();
    });
  }

  /** Ends what is over; an interval without ejection makes a host's next one shorter. */
  #sweepHosts(): void {
    const now = this.#options.clock.now();
    const hosts = this.#options.hosts();
    let changed = false;
    for (const host of hosts) {
      const record = this.#recordOf(host);
      if (!host.ejected) record.times = Math.max(0, record.times - 1);
      else if (now >= record.endMs) {
        Object.assign(record, { run5xx: 0, runGateway: 0, runLocal: 0 });
        host.ejected = false;
        changed = true;
      }
    }
    // Also right after hosts left the cluster while they were ejected.
    this.#stats.ejections_active = hosts.filter(({ ejected }) => ejected).length;
    if (changed) this.#options.onChange();
  }
}
