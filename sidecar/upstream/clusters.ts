// All living clusters by name. A reference to a cluster is a handle that stays the same while clusters
// come and go, so that routes look a name up once.

import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Cluster as ClusterDescription } from '../model/cluster.ts';
import type { Stats } from '../telemetry/stats.ts';
import { Cluster } from './cluster.ts';
import type { MakeBreaker } from './limits.ts';

export interface ClustersContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: Stats;
  readonly makeBreaker?: MakeBreaker | undefined;
  onReady(name: string): void;
}

export class Clusters {
  readonly #living = new Map<string, Cluster>();
  readonly #context: ClustersContext;

  constructor(context: ClustersContext) {
    this.#context = context;
  }

  get(name: string): Cluster | undefined {
    return this.#living.get(name);
  }

  get all(): Iterable<Cluster> {
    return this.#living.values();
  }

  get size(): number {
    return this.#living.size;
  }

  /** Starts the cluster or gives the living one its new description. */
  put(description: ClusterDescription): Cluster {
    const known = this.#living.get(description.name);
    if (known !== undefined) {
      known.update(description);
      return known;
    }
    const { clock, log, stats, makeBreaker } = this.#context;
    const cell = stats.cluster(description.altStatName ?? description.name);
    const cluster = new Cluster(description, {
      clock,
      log,
      stats: cell,
      makeBreaker,
      onReady: () => this.#context.onReady(description.name),
    });
    this.#living.set(description.name, cluster);
    stats.clusterManager.cluster_added++;
    return cluster;
  }

  remove(name: string): void {
    const cluster = this.#living.get(name);
    if (cluster === undefined) return;
    this.#living.delete(name);
    cluster.drain();
    this.#context.stats.removeCluster(cluster.description.altStatName ?? name);
  }
}
