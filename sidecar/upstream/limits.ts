// Circuit breakers of one cluster and priority: how much is under way, and whether more may start. Plain
// counters, no timers; whoever takes a place gives it back exactly once.

import type { Limits } from '../model/cluster.ts';
import type { LimitGauges } from '../telemetry/cells/cluster.ts';

export class CircuitBreaker {
  connections = 0;
  pending = 0;
  requests = 0;
  retries = 0;
  #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A changed description holds from now on; what is under way goes on. */
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
    return this.retries < this.#retryLimit;
  }

  /** With a budget, a share of what is active and waiting, but never less than its floor. */
  get #retryLimit(): number {
    const budget = this.#limits.retryBudget;
    if (budget === null) return this.#limits.maxRetries;
    const share = Math.floor(((this.requests + this.pending) * budget.percent) / 100);
    return Math.max(share, budget.minConcurrency);
  }

  gauges(): LimitGauges {
    // A limit of nothing is never seen as reached: Envoy's gauges move when something is counted.
    const left = (limit: number, used: number) => Math.max(limit - used, 0);
    return {
      cxOpen: !this.mayConnect,
      pendingOpen: this.#limits.maxPendingRequests > 0 && !this.mayWait,
      rqOpen: this.#limits.maxRequests > 0 && !this.mayRequest,
      retryOpen: this.#retryLimit > 0 && !this.mayRetry,
      remaining: this.#limits.trackRemaining
        ? {
            cx: left(this.#limits.maxConnections, this.connections),
            pending: left(this.#limits.maxPendingRequests, this.pending),
            rq: left(this.#limits.maxRequests, this.requests),
            retries: left(this.#retryLimit, this.retries),
          }
        : null,
    };
  }
}
