// One connection to a host that serves one connection of a client, for as long as that lives: dialled at once,
// never used again. It takes its places in the circuit breaker and in the counts, and gives each back once.

import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { FAILURE, ProxyError } from '../errors.ts';
import { type DialTarget, dial, type Incoming } from '../net/dial.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import type { TlsFacts } from '../telemetry/facts.ts';
import type { Host } from './host.ts';
import type { CircuitBreaker } from './limits.ts';

/** Exactly one of the two is called, unless the upstream is closed before. */
export interface TcpWaiter {
  onConnected(socket: Socket, incoming: Incoming, tls: TlsFacts | null): void;
  onFailed(error: ProxyError): void;
}

export interface TcpUpstreamContext {
  /** null: a secret is missing. */
  readonly target: DialTarget | null;
  readonly breaker: CircuitBreaker;
  readonly stats: ClusterStats;
  readonly clock: Clock;
}

type State = 'idle' | 'connecting' | 'open' | 'closed';

export class TcpUpstream {
  readonly host: Host;
  #state: State = 'idle';
  #stopDialling: (() => void) | null = null;
  #startedMs = 0;
  readonly #waiter: TcpWaiter;
  readonly #context: TcpUpstreamContext;

  constructor(host: Host, waiter: TcpWaiter, context: TcpUpstreamContext) {
    this.host = host;
    this.#waiter = waiter;
    this.#context = context;
  }

  /** May call the waiter before it returns. */
  connect(): void {
    const { target, breaker, stats, clock } = this.#context;
    if (!breaker.mayWait) {
      stats.upstream_rq_pending_overflow++;
      this.#refuse(new ProxyError(FAILURE.overflow));
    } else if (target === null) {
      this.#refuse(new ProxyError(FAILURE.connectFailure, { context: 'TLS_error: Secret is not supplied by SDS' }));
    } else {
      this.#startedMs = clock.now();
      this.#enter();
      this.#stopDialling = dial(target, clock, {
        onConnected: (socket, incoming, tls) => this.#onConnected(socket, incoming, tls),
        onFailed: (error) => this.#onFailed(error),
      });
    }
  }

  #refuse(error: ProxyError): void {
    this.#state = 'closed';
    this.#waiter.onFailed(error);
  }

  #enter(): void {
    const { breaker, stats } = this.#context;
    this.#state = 'connecting';
    breaker.connections++;
    breaker.pending++;
    stats.upstream_cx_total++;
    stats.upstream_cx_active++;
    stats.upstream_rq_pending_total++;
    stats.upstream_rq_pending_active++;
    this.host.stats.cx_total++;
    this.host.stats.cx_active++;
  }

  #waitsNoMore(): void {
    const { breaker, stats } = this.#context;
    breaker.pending--;
    stats.upstream_rq_pending_active--;
  }

  #onConnected(socket: Socket, incoming: Incoming, tls: TlsFacts | null): void {
    const { breaker, stats, clock } = this.#context;
    this.#waitsNoMore();
    this.#state = 'open';
    breaker.requests++;
    stats.upstream_cx_connect_ms.record(clock.now() - this.#startedMs);
    stats.upstream_rq_total++;
    stats.upstream_rq_active++;
    this.host.stats.rq_total++;
    this.host.stats.rq_active++;
    this.#waiter.onConnected(socket, incoming, tls);
  }

  #onFailed(error: ProxyError): void {
    const { stats } = this.#context;
    const timedOut = error.row === FAILURE.connectTimeout;
    this.#waitsNoMore();
    stats.upstream_cx_connect_fail++;
    stats.upstream_rq_pending_failure_eject++;
    this.host.stats.cx_connect_fail++;
    if (timedOut) stats.upstream_cx_connect_timeout++;
    this.#leave(timedOut ? 'local' : 'remote', false);
    this.#waiter.onFailed(error);
  }

  /** The connection is over, or nobody wants it any more. */
  close(by: 'local' | 'remote'): void {
    const { breaker, stats } = this.#context;
    if (this.#state === 'connecting') {
      this.#stopDialling?.();
      this.#waitsNoMore();
      stats.upstream_rq_cancelled++;
      this.#leave('local', false);
    } else if (this.#state === 'open') {
      breaker.requests--;
      stats.upstream_rq_active--;
      this.host.stats.rq_active--;
      this.#leave(by, true);
    }
  }

  #leave(by: 'local' | 'remote', during: boolean): void {
    const { breaker, stats, clock } = this.#context;
    this.#state = 'closed';
    breaker.connections--;
    stats.upstream_cx_active--;
    this.host.stats.cx_active--;
    stats.upstream_cx_destroy++;
    stats[`upstream_cx_destroy_${by}`]++;
    stats.upstream_cx_length_ms.record(clock.now() - this.#startedMs);
    if (!during) return;
    stats.upstream_cx_destroy_with_active_rq++;
    stats[`upstream_cx_destroy_${by}_with_active_rq`]++;
  }
}
