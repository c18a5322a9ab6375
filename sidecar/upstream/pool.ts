// Connections to one host for one priority: warm ones to reuse, new ones where the limits allow, and a
// line of requests that wait for either. Sequential requests of everybody share the warm connections;
// the one used last is used next, so that surplus ones grow idle and close.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { FAILURE, ProxyError } from '../errors.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { type ClosedBy, Http1Client, type Http1ClientOptions } from '../http/h1/client.ts';
import type { HttpStream, StreamReader } from '../http/stream.ts';
import { type DialTarget, dial, type Incoming } from '../net/dial.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import type { AddressFacts, TlsFacts } from '../telemetry/facts.ts';
import type { HostStats } from './host.ts';
import type { CircuitBreaker } from './limits.ts';

/** Who asked for a connection. Exactly one of the two is called, unless the wait is cancelled. */
export interface PoolWaiter {
  /** Opens the exchange on a ready connection. */
  onReady(connection: PooledConnection): void;
  onFailed(error: ProxyError): void;
}

/** What a pool reads of its cluster each time, so that a changed description holds for new connections. */
export interface PoolSettings {
  readonly codec: Http1ClientOptions;
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxRequestsPerConnection: number;
  /** Counts changes of whom we trust: connections made before the last one are not used again. */
  readonly trustGeneration: number;
}

const NO_WAIT = () => {};

/**
 * TLS handshakes under way at once on a pool that has fewer connections than that; as many as it has
 * connections on others. Without it a burst on a cold pool starts one for each request, which share the
 * processor of both ends until all of them are too late. With it the first ones are done at once and
 * serve, and the number doubles with every round trip.
 */
export const FEWEST_HANDSHAKES = 16;

export class Pool {
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  /** With the time since when, in the order they came. */
  readonly #waiting = new Map<PoolWaiter, number>();
  #connecting = 0;
  #closed = false;
  readonly #settings: () => PoolSettings;
  readonly #dialTarget: () => DialTarget | null;
  readonly #breaker: CircuitBreaker;
  readonly #stats: ClusterStats;
  readonly #hostStats: HostStats;
  readonly #clock: Clock;

  constructor(
    settings: () => PoolSettings,
    dialTarget: () => DialTarget | null,
    breaker: CircuitBreaker,
    stats: ClusterStats,
    hostStats: HostStats,
    clock: Clock,
  ) {
    this.#settings = settings;
    this.#dialTarget = dialTarget;
    this.#breaker = breaker;
    this.#stats = stats;
    this.#hostStats = hostStats;
    this.#clock = clock;
  }

  get connections(): number {
    return this.#all.size;
  }

  /**
   * Gives the waiter a connection now, or later. Returns how to stop waiting.
   * `fresh`: a connection that served before will not do (the keep-alive race was just lost).
   */
  take(waiter: PoolWaiter, fresh: boolean): () => void {
    const warm = fresh ? undefined : this.#warm();
    if (warm !== undefined) {
      waiter.onReady(warm);
      return NO_WAIT;
    }
    if (!this.#breaker.mayWait) {
      this.#stats.upstream_rq_pending_overflow++;
      waiter.onFailed(new ProxyError(FAILURE.overflow));
      return NO_WAIT;
    }
    this.#wait(waiter);
    this.#connectIfNeeded();
    return () => this.#stopWaiting(waiter);
  }

  #warm(): PooledConnection | undefined {
    const { trustGeneration } = this.#settings();
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.usable(trustGeneration)) return connection;
      connection.end();
    }
    return undefined;
  }

  #wait(waiter: PoolWaiter): void {
    this.#waiting.set(waiter, this.#clock.now());
    this.#breaker.pending++;
    this.#stats.upstream_rq_pending_total++;
    this.#stats.upstream_rq_pending_active++;
  }

  #stopWaiting(waiter: PoolWaiter): boolean {
    if (!this.#waiting.delete(waiter)) return false;
    this.#breaker.pending--;
    this.#stats.upstream_rq_pending_active--;
    return true;
  }

  /** One connection under way per waiting request, as far as the limits go. */
  #connectIfNeeded(): void {
    while (this.#connecting < this.#waiting.size && this.#mayConnect()) this.#connect();
  }

  /** At least one connection per pool, whatever the circuit breaker says. */
  #mayConnect(): boolean {
    if (this.#handshakesAreEnough) return false;
    if (this.#breaker.mayConnect) return true;
    this.#stats.upstream_cx_overflow++;
    return this.#all.size + this.#connecting === 0;
  }

  get #handshakesAreEnough(): boolean {
    return this.#settings().codec.secure && this.#connecting >= Math.max(FEWEST_HANDSHAKES, this.#all.size);
  }

  #connect(): void {
    const settings = this.#settings();
    const target = this.#dialTarget();
    if (target === null) {
      this.#failAll(new ProxyError(FAILURE.connectFailure, { context: 'TLS_error: Secret is not supplied by SDS' }));
      return;
    }
    this.#connecting++;
    this.#breaker.connections++;
    this.#stats.upstream_cx_total++;
    this.#stats.upstream_cx_http1_total++;
    this.#stats.upstream_cx_active++;
    this.#hostStats.cx_total++;
    this.#hostStats.cx_active++;
    const started = this.#clock.now();
    dial(target, this.#clock, {
      onConnected: (socket, incoming, tls) => this.#onConnected(socket, incoming, tls, settings, started),
      onFailed: (error) => this.#onConnectFailed(error, started),
    });
  }

  #onConnected(
    socket: Socket,
    incoming: Incoming,
    tls: TlsFacts | null,
    settings: PoolSettings,
    started: number,
  ): void {
    this.#connecting--;
    this.#stats.upstream_cx_connect_ms.record(this.#clock.now() - started);
    const connection = new PooledConnection(socket, incoming, tls, settings, this, this.#stats, this.#clock);
    this.#all.add(connection);
    this.onFree(connection);
    if (settings.codec.secure) this.#connectIfNeeded();
  }

  /**
   * Whoever waited for the whole of this attempt, beyond the connections still under way, fails with it: on
   * a host that cannot be reached everybody does, on a slow one each gets the time of a connection.
   */
  #onConnectFailed(error: ProxyError, started: number): void {
    this.#connecting--;
    this.#connectionGone();
    this.#stats.upstream_cx_connect_fail++;
    this.#hostStats.cx_connect_fail++;
    if (error.row === FAILURE.connectTimeout) this.#stats.upstream_cx_connect_timeout++;
    countDestroyed(this.#stats, error.row === FAILURE.connectTimeout ? 'local' : 'remote', false);
    this.#failWaiters(error, this.#connecting, started);
    this.#connectIfNeeded();
  }

  #failAll(error: ProxyError): void {
    this.#failWaiters(error, 0, Number.POSITIVE_INFINITY);
  }

  /** Of those that wait since `until` or longer, the longest first, until only `left` wait. */
  #failWaiters(error: ProxyError, left: number, until: number): void {
    for (const [waiter, since] of [...this.#waiting].slice(0, Math.max(this.#waiting.size - left, 0))) {
      if (since > until || !this.#stopWaiting(waiter)) continue;
      this.#stats.upstream_rq_pending_failure_eject++;
      waiter.onFailed(error);
    }
  }

  #connectionGone(): void {
    this.#breaker.connections--;
    this.#stats.upstream_cx_active--;
    this.#hostStats.cx_active--;
  }

  /**
   * A connection is ready: the longest waiting request gets it, or it rests. Whoever waits when the host
   * leaves was let in before, and is served.
   */
  onFree(connection: PooledConnection): void {
    const usable = connection.fresh || connection.usable(this.#settings().trustGeneration);
    const [waiter] = this.#waiting.keys();
    if (usable && waiter !== undefined) {
      this.#stopWaiting(waiter);
      waiter.onReady(connection);
    } else if (this.#closed || !usable) {
      connection.end();
    } else {
      this.#idle.push(connection);
      connection.rest();
    }
  }

  onGone(connection: PooledConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#connectionGone();
    if (this.#waiting.size > 0) this.#connectIfNeeded();
  }

  /** No new requests; connections end as they become free. */
  drain(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.end();
  }

  /** Ends everything at once. */
  close(): void {
    this.#closed = true;
    for (const connection of [...this.#all]) connection.end();
    this.#failAll(new ProxyError(FAILURE.connectFailure, { context: 'the host was removed' }));
  }

  /** Ends idle connections that may not be used any more. */
  retire(): void {
    const { trustGeneration } = this.#settings();
    for (const connection of this.#idle.splice(0)) {
      if (connection.usable(trustGeneration)) this.#idle.push(connection);
      else connection.end();
    }
  }
}

/** One connection with what it has served, and when it has to rest or end. */
let connectionCount = 0;

export class PooledConnection {
  readonly id = ++connectionCount;
  readonly tls: TlsFacts | null;
  readonly local: AddressFacts;
  #requests = 0;
  #busy = false;
  #closed = false;
  #worn = false;
  #restingSince = 0;
  #idleTimer: Timer | null = null;
  #lifeTimer: Timer | null = null;
  /** Wall clock, ms; a renewed certificate does not end the connection before. */
  readonly #certificatesEndMs: number;
  readonly #client: Http1Client;
  readonly #settings: PoolSettings;
  readonly #pool: Pool;
  readonly #stats: ClusterStats;
  readonly #clock: Clock;
  readonly #started: number;

  constructor(
    socket: Socket,
    incoming: Incoming,
    tls: TlsFacts | null,
    settings: PoolSettings,
    pool: Pool,
    stats: ClusterStats,
    clock: Clock,
  ) {
    this.tls = tls;
    this.#certificatesEndMs = certificatesEnd(tls, clock);
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.#settings = settings;
    this.#pool = pool;
    this.#stats = stats;
    this.#clock = clock;
    this.#started = clock.now();
    this.#client = new Http1Client(socket, incoming, settings.codec, this);
    if (settings.maxConnectionDurationMs > 0) {
      this.#lifeTimer = clock.after(settings.maxConnectionDurationMs, () => this.#tooOld());
    }
  }

  /** Served a request before: a failure without an answer may be the keep-alive race. */
  get reused(): boolean {
    return this.#requests > 1;
  }

  /** Served nobody yet: its peer was checked a moment ago. */
  get fresh(): boolean {
    return this.#requests === 0;
  }

  usable(trustGeneration: number): boolean {
    if (this.#closed || this.#worn || this.#settings.trustGeneration !== trustGeneration) return false;
    return this.tls === null || this.#clock.turnWall() < this.#certificatesEndMs;
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#busy = true;
    this.#requests++;
    const limit = this.#settings.maxRequestsPerConnection;
    if (limit > 0 && this.#requests >= limit) {
      this.#worn = true;
      this.#stats.upstream_cx_max_requests++;
    }
    return this.#client.open(reader);
  }

  /** Taken, but not used after all. */
  giveBack(): void {
    this.#pool.onFree(this);
  }

  /** Idle from now on. One timer per connection, set again for what is left when it fires. */
  rest(): void {
    this.#restingSince = this.#clock.turn();
    if (this.#idleTimer === null && this.#settings.idleTimeoutMs > 0) this.#armIdle(this.#settings.idleTimeoutMs);
  }

  #armIdle(wait: number): void {
    this.#idleTimer = this.#clock.after(wait, () => {
      this.#idleTimer = null;
      if (this.#busy) return;
      const left = this.#restingSince + this.#settings.idleTimeoutMs - this.#clock.now();
      if (left > 1) this.#armIdle(left);
      else this.#idleTimeout();
    });
  }

  #idleTimeout(): void {
    this.#stats.upstream_cx_idle_timeout++;
    this.end();
  }

  #tooOld(): void {
    this.#stats.upstream_cx_max_duration_reached++;
    this.#worn = true;
    if (!this.#busy) this.end();
  }

  /** Ends the connection from our side. */
  end(): void {
    if (this.#closed) return;
    this.#gone('local', this.#busy);
    this.#client.destroy();
  }

  // What the codec says.

  onFree(): void {
    if (this.#closed) return;
    this.#busy = false;
    if (this.#worn) this.end();
    else this.#pool.onFree(this);
  }

  onOver(by: ClosedBy, during: boolean): void {
    if (this.#closed) return;
    if (!during && by === 'local') this.#stats.upstream_cx_close_notify++;
    this.#gone(by, during);
  }

  onBytes(received: number): void {
    this.#stats.upstream_cx_rx_bytes_total += received;
  }

  #gone(by: ClosedBy, during: boolean): void {
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#lifeTimer?.cancel();
    countDestroyed(this.#stats, by, during);
    this.#stats.upstream_cx_length_ms.record(this.#clock.now() - this.#started);
    this.#stats.upstream_rq_per_cx.record(this.#requests);
    this.#pool.onGone(this);
  }
}

/** Connections end somewhere in the last part of their certificates' time, so that not all end at once. */
const END_SPREAD = 0.4;

/** Wall clock, ms: a little before the first of both certificates ends. */
function certificatesEnd(tls: TlsFacts | null, clock: Clock): number {
  const first = Math.min(tls?.peer?.validToMs ?? Infinity, tls?.local?.validToMs ?? Infinity);
  return first - Math.max(first - clock.wall(), 0) * END_SPREAD * clock.random();
}

function countDestroyed(stats: ClusterStats, by: ClosedBy, during: boolean): void {
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
