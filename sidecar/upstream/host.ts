// One host of a cluster, alive: what is known of its health, what it is busy with, its connections.
// Keyed by address within its cluster and kept over updates, so that counters, warm connections and
// ejections survive a new assignment.

import type { Endpoint } from '../model/endpoint.ts';
import { hostPort } from '../../core/addresses.ts';
import type { Pool } from './pool.ts';

export class HostStats {
  cx_active = 0;
  cx_connect_fail = 0;
  cx_total = 0;
  rq_active = 0;
  rq_error = 0;
  rq_success = 0;
  rq_timeout = 0;
  rq_total = 0;
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export class Host {
  readonly address: { readonly host: string; readonly port: number };
  /** The list of a request's hosts while this is the only one. */
  readonly alone: readonly { readonly host: string; readonly port: number }[];
  /** `ip:port`, the key within the cluster. */
  readonly key: string;
  readonly stats = new HostStats();
  /** What the assignment says now. */
  endpoint: Endpoint;
  locality: Locality;
  priority: number;
  ejected = false;
  /** Gone from the assignment: takes nothing new, its connections end when free. */
  removed = false;
  readonly pools: { default: Pool | null; high: Pool | null } = { default: null, high: null };
  /** For requests over HTTP/2, where the upstream is spoken to as the client spoke to us. */
  readonly http2Pools: { default: Pool | null; high: Pool | null } = { default: null, high: null };
  /** For upgrades, where the upstream speaks HTTP/2 but takes no extended CONNECT. */
  readonly http1Pools: { default: Pool | null; high: Pool | null } = { default: null, high: null };
  /** When it joined, monotonic ms; slow start counts from here. */
  readonly joinedMs: number;

  constructor(
    endpoint: Endpoint,
    address: { readonly host: string; readonly port: number },
    locality: Locality,
    priority: number,
    nowMs: number,
  ) {
    this.endpoint = endpoint;
    this.address = { host: address.host, port: address.port };
    this.alone = [this.address];
    this.key = hostPort(address.host, address.port);
    this.locality = locality;
    this.priority = priority;
    this.joinedMs = nowMs;
  }

  // The Candidate that pickers see.

  get weight(): number {
    return this.endpoint.weight;
  }

  get active(): number {
    return this.stats.rq_active;
  }

  get health(): 'healthy' | 'degraded' | 'unhealthy' {
    if (this.ejected || this.removed) return 'unhealthy';
    const { health } = this.endpoint;
    return health === 'draining' ? 'unhealthy' : health;
  }

  /** The same host as the new assignment has it. */
  moved(endpoint: Endpoint, locality: Locality, priority: number): Host {
    this.endpoint = endpoint;
    this.locality = locality;
    this.priority = priority;
    return this;
  }

  get #pools(): readonly Pool[] {
    const all = [this.pools, this.http2Pools, this.http1Pools];
    return all.flatMap((pools) => [pools.default, pools.high]).filter((pool) => pool !== null);
  }

  closeConnections(): void {
    for (const pool of this.#pools) pool.close();
  }

  drainConnections(): void {
    for (const pool of this.#pools) pool.drain();
  }

  /** Connections that may not be used any more end as they become free. */
  retireConnections(): void {
    for (const pool of this.#pools) pool.retire();
  }
}
