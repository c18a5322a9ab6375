// Keeps the endpoints of a DNS cluster up to date: asks again when the answer grows old, and keeps the
// last good addresses while a name cannot be resolved.

import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Cluster as ClusterDescription } from '../model/cluster.ts';
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from '../model/endpoint.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import { type Resolved, resolveName } from './resolve.ts';

type DnsDiscovery = Extract<ClusterDescription['discovery'], { kind: 'strict-dns' | 'logical-dns' }>;

/** Answers that say "0 seconds" are still kept for so long. */
const SHORTEST_TTL_MS = 5000;

export class DnsEndpoints {
  #stopped = false;
  #timer: Timer | null = null;
  readonly #known = new Map<string, Resolved>();
  readonly #discovery: DnsDiscovery;
  readonly #stats: ClusterStats;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #publish: (assignment: ClusterLoadAssignment) => void;

  constructor(
    discovery: DnsDiscovery,
    stats: ClusterStats,
    clock: Clock,
    log: Log,
    publish: (assignment: ClusterLoadAssignment) => void,
  ) {
    this.#discovery = discovery;
    this.#stats = stats;
    this.#clock = clock;
    this.#log = log;
    this.#publish = publish;
    void this.#refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #refresh(): Promise<void> {
    const names = new Set(
      this.#discovery.assignment.localities.flatMap(({ endpoints }) => endpoints.map(({ host }) => host)),
    );
    let shortest = Number.POSITIVE_INFINITY;
    for (const name of names) shortest = Math.min(shortest, await this.#resolve(name));
    if (this.#stopped) return;
    this.#publish(this.#assignment());
    const wait =
      this.#discovery.respectTtl && Number.isFinite(shortest)
        ? Math.max(shortest, SHORTEST_TTL_MS)
        : this.#discovery.refreshMs;
    this.#timer = this.#clock.after(wait, () => void this.#refresh());
  }

  /** Milliseconds the answer may be believed. */
  async #resolve(name: string): Promise<number> {
    this.#stats.update_attempt++;
    try {
      const resolved = await resolveName(name, this.#discovery.family);
      this.#known.set(name, resolved);
      this.#stats.update_success++;
      return resolved.ttl * 1000;
    } catch (error) {
      this.#stats.update_failure++;
      const kept = this.#known.get(name)?.addresses.length ?? 0;
      this.#log.warn({ name, kept, reason: (error as Error).message }, 'a name of a DNS cluster could not be resolved');
      return this.#discovery.refreshMs;
    }
  }

  #assignment(): ClusterLoadAssignment {
    const { assignment, kind } = this.#discovery;
    const localities = assignment.localities.map((locality): LocalityEndpoints => {
      const endpoints = locality.endpoints.flatMap((endpoint) => this.#resolved(endpoint, kind));
      return { ...locality, endpoints };
    });
    return { ...assignment, localities };
  }

  #resolved(endpoint: Endpoint, kind: DnsDiscovery['kind']): Endpoint[] {
    const addresses = this.#known.get(endpoint.host)?.addresses ?? [];
    const used = kind === 'logical-dns' ? addresses.slice(0, 1) : addresses;
    return used.map((host) => ({ ...endpoint, host, hostname: endpoint.hostname || endpoint.host }));
  }
}
