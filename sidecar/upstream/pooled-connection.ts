// One connection of a pool, of either version of HTTP: what it has served, and when it has to rest or end.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { ClosedBy } from '../http/client.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { HttpStream, StreamReader } from '../http/stream.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import type { AddressFacts, TlsFacts } from '../telemetry/facts.ts';
import type { Pool, PoolSettings } from './pool.ts';

/** What a connection is made of. */
export interface ConnectionParts {
  readonly socket: Socket;
  readonly tls: TlsFacts | null;
  readonly settings: PoolSettings;
  readonly pool: Pool;
  readonly stats: ClusterStats;
  readonly clock: Clock;
}

let connectionCount = 0;

export abstract class PooledConnection {
  readonly id = ++connectionCount;
  readonly tls: TlsFacts | null;
  readonly local: AddressFacts;
  /** Nothing new after what is under way. */
  protected worn = false;
  protected closed = false;
  protected requests = 0;
  protected readonly pool: Pool;
  protected readonly stats: ClusterStats;
  readonly #settings: PoolSettings;
  readonly #clock: Clock;
  readonly #started: number;
  /** Wall clock, ms; a renewed certificate does not end the connection before. */
  readonly #certificatesEndMs: number;
  #restingSince = 0;
  #idleTimer: Timer | null = null;
  #lifeTimer: Timer | null = null;

  constructor({ socket, tls, settings, pool, stats, clock }: ConnectionParts) {
    this.tls = tls;
    this.#certificatesEndMs = certificatesEnd(tls, clock);
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.#settings = settings;
    this.pool = pool;
    this.stats = stats;
    this.#clock = clock;
    this.#started = clock.now();
    if (settings.maxConnectionDurationMs > 0) {
      this.#lifeTimer = clock.after(settings.maxConnectionDurationMs, () => this.#tooOld());
    }
  }

  /** What is spoken on it; null: bytes alone. */
  abstract readonly version: 'HTTP/1.1' | 'HTTP/2' | null;
  /** A request is under way. */
  abstract get busy(): boolean;
  abstract open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead>;
  /** Taken, but not used after all. */
  abstract giveBack(): void;
  /** Ends with what is under way. */
  abstract wearOut(): void;
  protected abstract destroyCodec(): void;

  /** Served nobody yet: its peer was checked a moment ago. */
  get fresh(): boolean {
    return this.requests === 0;
  }

  usable(trustGeneration: number): boolean {
    if (this.closed || this.worn || this.#settings.trustGeneration !== trustGeneration) return false;
    return this.tls === null || this.#clock.turnWall() < this.#certificatesEndMs;
  }

  /** true: it was the last request that the configuration allows. */
  protected countRequest(): boolean {
    this.requests++;
    const limit = this.#settings.maxRequestsPerConnection;
    if (limit === 0 || this.requests < limit) return false;
    this.stats.upstream_cx_max_requests++;
    return true;
  }

  /** Idle from now on. One timer per connection, set again for what is left when it fires. */
  rest(): void {
    this.#restingSince = this.#clock.turn();
    if (this.#idleTimer === null && this.#settings.idleTimeoutMs > 0) this.#armIdle(this.#settings.idleTimeoutMs);
  }

  #armIdle(wait: number): void {
    this.#idleTimer = this.#clock.after(wait, () => {
      this.#idleTimer = null;
      if (this.busy) return;
      const left = this.#restingSince + this.#settings.idleTimeoutMs - this.#clock.now();
      if (left > 1) this.#armIdle(left);
      else this.#idleTimeout();
    });
  }

  #idleTimeout(): void {
    this.stats.upstream_cx_idle_timeout++;
    this.end();
  }

  #tooOld(): void {
    this.stats.upstream_cx_max_duration_reached++;
    this.wearOut();
  }

  /** Ends the connection from our side. */
  end(): void {
    if (this.closed) return;
    this.gone('local', this.busy);
    this.destroyCodec();
  }

  // What the codec says.

  onOver(by: ClosedBy, during: boolean): void {
    if (this.closed) return;
    if (!during && by === 'local') this.stats.upstream_cx_close_notify++;
    this.gone(by, during);
  }

  onBytes(received: number): void {
    this.stats.upstream_cx_rx_bytes_total += received;
  }

  protected gone(by: ClosedBy, during: boolean): void {
    this.closed = true;
    this.#idleTimer?.cancel();
    this.#lifeTimer?.cancel();
    countDestroyed(this.stats, by, during);
    this.stats.upstream_cx_length_ms.record(this.#clock.now() - this.#started);
    this.stats.upstream_rq_per_cx.record(this.requests);
    this.pool.onGone(this);
  }
}

/** Connections end somewhere in the last part of their certificates' time, so that not all end at once. */
const END_SPREAD = 0.4;

/** Wall clock, ms: a little before the first of both certificates ends. */
function certificatesEnd(tls: TlsFacts | null, clock: Clock): number {
  const first = Math.min(tls?.peer?.validToMs ?? Infinity, tls?.local?.validToMs ?? Infinity);
  return first - Math.max(first - clock.wall(), 0) * END_SPREAD * clock.random();
}

export function countDestroyed(stats: ClusterStats, by: ClosedBy, during: boolean): void {
  stats.upstream_cx_destroy++;
  if (during) stats.upstream_cx_destroy_with_active_rq++;
  if (by === 'local') {
    stats.upstream_cx_destroy_local++;
    if (during) stats.upstream_cx_destroy_local_with_active_rq++;
  } else {
    stats.upstream_cx_destroy_remote++;
    if (during) stats.upstream_cx_destroy_remote_with_active_rq++;
  }
}
