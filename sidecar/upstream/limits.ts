// Circuit breakers of one cluster and priority: how much is under way, and whether more may start. Plain
// counters, no timers; whoever takes a place gives it back exactly once. Several threads count together in
// shared-limits.ts; this is the form of one.

import type { Limits } from '../model/cluster.ts';
import type { LimitGauges } from '../telemetry/cells/cluster.ts';

export interface CircuitBreaker {
  /** What this thread has under way. */
  connections: number;
  pending: number;
  requests: number;
  retries: number;
  readonly mayConnect: boolean;
  readonly mayWait: boolean;
  readonly mayRequest: boolean;
  readonly mayRetry: boolean;
  /** A changed description holds from now on; what is under way goes on. */
  replace(limits: Limits): void;
  gauges(): LimitGauges;
}

export type Priority = 'default' | 'high';
export type MakeBreaker = (cluster: string, priority: Priority, limits: Limits) => CircuitBreaker;

/** What is under way, of whoever counts together. */
export interface Used {
  readonly connections: number;
  readonly pending: number;
  readonly requests: number;
  readonly retries: number;
}

export class LocalBreaker implements CircuitBreaker {
  connections = 0;
  pending = 0;
  requests = 0;
  retries = 0;
  #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  replace(limits: Limits): void {
    this.#limits = limits;
  }

  get mayConnect(): boolean {
    return this.connections < this.#limits.maxConnections;
  }

  get mayWait(): boolean {
    return this.pending < this.#limits.maxPendingRequests;
  }

  get mayRequest(): boolean {
    return this.requests < this.#limits.maxRequests;
  }

  get mayRetry(): boolean {
    return this.retries < retryLimit(this.#limits, this.requests + this.pending);
  }

  gauges(): LimitGauges {
    return gaugesOf(this.#limits, this);
  }
}

/** With a budget, a share of what is active and waiting, but never less than its floor. */
export function retryLimit({ retryBudget, maxRetries }: Limits, underWay: number): number {
  if (retryBudget === null) return maxRetries;
  return Math.max(Math.floor((underWay * retryBudget.percent) / 100), retryBudget.minConcurrency);
}

export function gaugesOf(limits: Limits, used: Used): LimitGauges {
  const { connections, pending, requests, retries } = used;
  const mostRetries = retryLimit(limits, requests + pending);
  const left = (limit: number, taken: number) => Math.max(limit - taken, 0);
  return {
    cxOpen: connections >= limits.maxConnections,
    // A limit of nothing is never seen as reached: Envoy's gauges move when something is counted.
    pendingOpen: limits.maxPendingRequests > 0 && pending >= limits.maxPendingRequests,
    rqOpen: limits.maxRequests > 0 && requests >= limits.maxRequests,
    retryOpen: mostRetries > 0 && retries >= mostRetries,
    remaining: limits.trackRemaining
      ? {
          cx: left(limits.maxConnections, connections),
          pending: left(limits.maxPendingRequests, pending),
          rq: left(limits.maxRequests, requests),
          retries: left(mostRetries, retries),
        }
      : null,
  };
}
