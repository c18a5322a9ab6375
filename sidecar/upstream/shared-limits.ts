// Circuit breakers that several threads count together, in one block of shared memory. Every thread writes
// only what it has under way itself, and whoever asks adds up all threads: nothing can be torn between two
// of them, and what a thread held that died is taken back by clearing its part.
//
// Looking and taking are two steps, so that threads which look at the same moment may all take the last
// place: a limit can be passed by at most one for each further thread.

import type { Limits } from '../model/cluster.ts';
import type { LimitGauges } from '../telemetry/cells/cluster.ts';
import { type CircuitBreaker, gaugesOf, LocalBreaker, type Priority, retryLimit } from './limits.ts';

/** Clusters that can be counted over all threads; those beyond have their limits divided. */
export const MOST_SHARED_CLUSTERS = 4096;

const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const COUNTS = 4;
const PRIORITIES: readonly Priority[] = ['default', 'high'];
const COUNTS_OF_CLUSTER = COUNTS * PRIORITIES.length;

/** [thread][cluster][priority][count]: what one thread writes lies together, away from the others'. */
export class LimitTable {
  readonly memory: SharedArrayBuffer;
  readonly threads: number;
  readonly clusters: number;
  readonly #counts: Int32Array;

  /** `memory` is that of the thread that made the table. */
  constructor(threads: number, memory: SharedArrayBuffer | null = null, clusters = MOST_SHARED_CLUSTERS) {
    this.threads = threads;
    this.clusters = clusters;
    this.memory =
      memory ?? new SharedArrayBuffer(threads * clusters * COUNTS_OF_CLUSTER * Int32Array.BYTES_PER_ELEMENT);
    this.#counts = new Int32Array(this.memory);
  }

  /** Where the counts of a thread for one cluster and priority begin. */
  placeOf(thread: number, slot: number, priority: Priority): number {
    return (thread * this.clusters + slot) * COUNTS_OF_CLUSTER + PRIORITIES.indexOf(priority) * COUNTS;
  }

  read(place: number): number {
    return Atomics.load(this.#counts, place);
  }

  write(place: number, count: number): void {
    Atomics.store(this.#counts, place, count);
  }

  /** Over all threads; `place` is that of the first one. */
  sum(place: number): number {
    const stride = this.clusters * COUNTS_OF_CLUSTER;
    let total = 0;
    for (let at = place; at < this.#counts.length; at += stride) total += Atomics.load(this.#counts, at);
    return total;
  }

  /** Nobody has anything under way there. */
  isFree(slot: number): boolean {
    const first = this.placeOf(0, slot, 'default');
    for (let count = 0; count < COUNTS_OF_CLUSTER; count++) if (this.sum(first + count) !== 0) return false;
    return true;
  }

  /** What a thread held that is no more. */
  clear(thread: number): void {
    const size = this.clusters * COUNTS_OF_CLUSTER;
    this.#counts.fill(0, thread * size, (thread + 1) * size);
  }
}

/** What is counted is what this thread has under way; what is asked is over all threads. */
export class SharedBreaker implements CircuitBreaker {
  #limits: Limits;
  readonly #table: LimitTable;
  readonly #own: number;
  readonly #first: number;

  constructor(limits: Limits, table: LimitTable, thread: number, slot: number, priority: Priority) {
    this.#limits = limits;
    this.#table = table;
    this.#own = table.placeOf(thread, slot, priority);
    this.#first = table.placeOf(0, slot, priority);
  }

  replace(limits: Limits): void {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#table.read(this.#own + CONNECTIONS);
  }

  set connections(count: number) {
    this.#table.write(this.#own + CONNECTIONS, count);
  }

  get pending(): number {
    return this.#table.read(this.#own + PENDING);
  }

  set pending(count: number) {
    this.#table.write(this.#own + PENDING, count);
  }

  get requests(): number {
    return this.#table.read(this.#own + REQUESTS);
  }

  set requests(count: number) {
    this.#table.write(this.#own + REQUESTS, count);
  }

  get retries(): number {
    return this.#table.read(this.#own + RETRIES);
  }

  set retries(count: number) {
    this.#table.write(this.#own + RETRIES, count);
  }

  get mayConnect(): boolean {
    return this.#sum(CONNECTIONS) < this.#limits.maxConnections;
  }

  get mayWait(): boolean {
    return this.#sum(PENDING) < this.#limits.maxPendingRequests;
  }

  get mayRequest(): boolean {
    return this.#sum(REQUESTS) < this.#limits.maxRequests;
  }

  get mayRetry(): boolean {
    return this.#sum(RETRIES) < retryLimit(this.#limits, this.#sum(REQUESTS) + this.#sum(PENDING));
  }

  #sum(count: number): number {
    return this.#table.sum(this.#first + count);
  }

  gauges(): LimitGauges {
    return gaugesOf(this.#limits, {
      connections: this.#sum(CONNECTIONS),
      pending: this.#sum(PENDING),
      requests: this.#sum(REQUESTS),
      retries: this.#sum(RETRIES),
    });
  }
}

/** For a cluster that has no place in the table: every thread has its share of the limits, at least one. */
export class DividedBreaker extends LocalBreaker {
  readonly #threads: number;

  constructor(limits: Limits, threads: number) {
    super(divided(limits, threads));
    this.#threads = threads;
  }

  override replace(limits: Limits): void {
    super.replace(divided(limits, this.#threads));
  }
}

/** A retry budget is a share already. Nothing stays nothing. */
function divided(limits: Limits, threads: number): Limits {
  const share = (limit: number) => Math.ceil(limit / threads);
  return {
    ...limits,
    maxConnections: share(limits.maxConnections),
    maxPendingRequests: share(limits.maxPendingRequests),
    maxRequests: share(limits.maxRequests),
    maxRetries: share(limits.maxRetries),
  };
}
