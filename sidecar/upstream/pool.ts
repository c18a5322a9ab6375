// Connections to one host for one priority: warm ones to reuse, new ones where the limits allow, and a
// line of requests that wait for either. Sequential requests of everybody share the warm connections;
// the one used last is used next, so that surplus ones grow idle and close.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { FAILURE, ProxyError } from '../errors.ts';
import type { Http1ClientOptions } from '../http/h1/client.ts';
import type { Http2ClientOptions } from '../http/h2/client.ts';
import { type DialTarget, dial, type Incoming } from '../net/dial.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import type { TlsFacts } from '../telemetry/facts.ts';
import type { HostStats } from './host.ts';
import { Http1Connection } from './http1-connection.ts';
import { Http2Connection } from './http2-connection.ts';
import type { CircuitBreaker } from './limits.ts';
import { countDestroyed, type PooledConnection } from './pooled-connection.ts';

/** Who asked for a connection. Exactly one of the two is called, unless the wait is cancelled. */
export interface PoolWaiter {
  /** Opens the exchange on a ready connection. */
  onReady(connection: PooledConnection): void;
  onFailed(error: ProxyError): void;
}

/** What a pool reads of its cluster each time, so that a changed description holds for new connections. */
export interface PoolSettings {
  /** `alpn`: what the peer chooses of both (Envoy's auto_config). */
  readonly protocol: 'http1' | 'http2' | 'alpn';
  readonly codec: Http1ClientOptions;
  readonly http2: Http2ClientOptions;
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

/** Streams that a peer will take, as long as it has not said how many; more are not counted on. */
const MOST_STREAMS_EXPECTED = 100;

export class Pool {
  readonly #idle: PooledConnection[] = [];
  /** Those that serve many at once, in the order they came. */
  readonly #shared: Http2Connection[] = [];
  /** What the last connection turned out to speak, where ALPN decides. */
  #speaksHttp2: boolean;
  readonly #all = new Set<PooledConnection>();
  /** With the time since when, in the order they came. */
  readonly #waiting = new Map<PoolWaiter, number>();
  #connecting = 0;
  #closed = false;
  #streamsExpected = MOST_STREAMS_EXPECTED;
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
    this.#speaksHttp2 = settings().protocol !== 'http1';
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
    const warm = this.#shared.length > 0 ? this.#withRoom() : fresh ? undefined : this.#warm();
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

  /** The first that has room: many requests on one connection share writes, and over TLS records. */
  #withRoom(): PooledConnection | undefined {
    const { trustGeneration } = this.#settings();
    for (const connection of this.#shared.slice()) {
      if (!connection.usable(trustGeneration)) connection.wearOut();
      else if (connection.hasRoom) return connection;
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

  /** One connection under way per waiting request, or per so many as share one, as far as the limits go. */
  #connectIfNeeded(): void {
    while (this.#connecting * this.#servedByOne < this.#waiting.size && this.#mayConnect()) this.#connect();
  }

  get #servedByOne(): number {
    return this.#speaksHttp2 ? Math.min(this.#settings().http2.maxStreams, this.#streamsExpected) : 1;
  }

  /** What a new connection will take before it has said so: as much as the last one did, and one at least. */
  get streamsExpected(): number {
    return this.#streamsExpected;
  }

  expectStreams(most: number): void {
    this.#streamsExpected = Math.max(1, Math.min(most, MOST_STREAMS_EXPECTED));
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
    const parts = { socket, tls, settings, pool: this, stats: this.#stats, clock: this.#clock };
    this.#speaksHttp2 = settings.protocol === 'http2' || (settings.protocol === 'alpn' && isHttp2(socket));
    if (this.#speaksHttp2) this.#share(new Http2Connection(parts, incoming, this.#clock));
    else this.#lend(new Http1Connection(parts, incoming));
    if (settings.codec.secure || this.#waiting.size > 0) this.#connectIfNeeded();
  }

  #lend(connection: Http1Connection): void {
    this.#all.add(connection);
    this.onFree(connection);
  }

  #share(connection: Http2Connection): void {
    this.#all.add(connection);
    this.#shared.push(connection);
    this.onRoom(connection);
    if (!connection.busy) connection.rest();
    if (this.#closed) connection.wearOut();
  }

  /** A shared connection can take requests: those that wait get it, the longest first, as long as it can. */
  onRoom(connection: Http2Connection): void {
    for (const waiter of this.#waiting.keys()) {
      if (!connection.hasRoom || !(connection.fresh || connection.usable(this.#settings().trustGeneration))) return;
      this.#stopWaiting(waiter);
      waiter.onReady(connection);
    }
  }

  /** A shared connection takes nothing new. */
  onWorn(connection: PooledConnection): void {
    const at = this.#shared.indexOf(connection as Http2Connection);
    if (at !== -1) this.#shared.splice(at, 1);
    if (this.#waiting.size > 0) this.#connectIfNeeded();
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
    this.onWorn(connection);
  }

  /** No new requests; connections end as they become free. */
  drain(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.end();
    for (const connection of this.#shared.slice()) connection.wearOut();
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
    for (const connection of this.#shared.slice()) if (!connection.usable(trustGeneration)) connection.wearOut();
  }
}

function isHttp2(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).alpnProtocol === 'h2';
}
