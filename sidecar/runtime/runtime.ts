// Where description meets life: holds the current snapshot and applies the next, make before break:
// clusters first, then the swap, then listeners, then what is gone drains. Also knows what is still
// missing before traffic may be taken.

import { hostPort } from '../../core/addresses.ts';
import type { Log } from '../../core/log.ts';
import { judgeOf } from '../filters/rbac.ts';
import { filterBuilder } from '../filters/table.ts';
import type { Cluster as ClusterDescription } from '../model/cluster.ts';
import type { FilterChain, Listener as ListenerDescription } from '../model/listener.ts';
import { EMPTY_SNAPSHOT, type Snapshot } from '../model/snapshot.ts';
import { NO_CONNECTION_LIMITS } from '../model/limits.ts';
import { ConnectionGates } from '../net/connection-gates.ts';
import type { TlsMaterial } from '../net/tls.ts';
import { Clusters } from '../upstream/clusters.ts';
import type { MakeBreaker } from '../upstream/limits.ts';
import { Chain, type Terminal } from './chain.ts';
import { type HcmSettings, makeHcm } from './hcm-factory.ts';
import { type ChoosePort, Listener } from './listener.ts';
import { makeTcpProxy } from './tcp-proxy.ts';
import { resolveTls, secretNames } from './tls-material.ts';

export interface RuntimeContext extends HcmSettings {
  readonly log: Log;
  /** A listener is bound, changed or gone. */
  readonly onListeners: () => void;
  /** Absent: as many connections as come. */
  readonly gates?: ConnectionGates;
  /** How long connections live on that nobody can be told to leave. Absent: Envoy's ten minutes. */
  readonly drainTimeMs?: number;
  /** Where several threads serve the same ports. Absent: this one has its ports for itself. */
  readonly shared?: SharedWork;
}

/** What threads that serve together agree upon. */
export interface SharedWork {
  readonly makeBreaker: MakeBreaker;
  readonly choosePort: ChoosePort;
  /** A Unix socket has one thread that listens: whether it is this one. */
  readonly listensAtPipes: boolean;
}

/** How long a resource that is named but does not come is waited for (Envoy's initial_fetch_timeout). */
const FETCH_TIMEOUT_MS = 15_000;
const DRAIN_MS = 600_000;

export class Runtime {
  #snapshot: Snapshot = EMPTY_SNAPSHOT;
  readonly #listeners = new Map<string, Listener>();
  /** Bound no more, with connections that drain. */
  readonly #leaving = new Set<Listener>();
  readonly #starting = new Map<string, Promise<void>>();
  readonly #materials = new Map<string, TlsMaterial>();
  readonly #waited = new Set<string>();
  #draining = false;
  #failing = false;
  #stopped = false;
  readonly clusters: Clusters;
  readonly #context: RuntimeContext;
  readonly #gates: ConnectionGates;
  readonly #buildFilter;

  constructor(context: RuntimeContext) {
    this.#context = context;
    this.#gates = context.gates ?? new ConnectionGates(NO_CONNECTION_LIMITS);
    this.clusters = new Clusters({
      clock: context.clock,
      log: context.log,
      stats: context.stats,
      makeBreaker: context.shared?.makeBreaker,
      onReady: () => this.#startListeners(),
    });
    context.stats.listenerManager.workers_started = 1;
    const { stats } = context;
    this.#buildFilter = (prefix: string) =>
      filterBuilder({
        rbacStats: (rules) => stats.rbac(prefix, rules),
        grpcMethods: (cluster) => stats.grpc(cluster),
      });
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get listeners(): ReadonlyMap<string, Listener> {
    return this.#listeners;
  }

  get #living(): readonly Listener[] {
    return [...this.#listeners.values(), ...this.#leaving];
  }

  get activeRequests(): number {
    let active = 0;
    for (const listener of this.#living) active += listener.activeRequests;
    return active;
  }

  /** TLS material in use, of listeners and clusters. */
  get tlsMaterials(): readonly TlsMaterial[] {
    const chains = [...this.#listeners.values()].flatMap((listener) => listener.chains);
    return [...this.#materials.values(), ...chains.flatMap(({ material }) => material ?? [])];
  }

  /** Applies what changed; what is `===` its predecessor is not touched. */
  apply(next: Snapshot): void {
    if (this.#stopped) return;
    const before = this.#snapshot;
    for (const [name, cluster] of next.clusters) if (before.clusters.get(name) !== cluster) this.clusters.put(cluster);
    this.#assignEndpoints(next);
    this.#secureClusters(next);
    this.#snapshot = next;
    this.#updateListeners(next);
    for (const name of before.listeners.keys()) if (!next.listeners.has(name)) this.#removeListener(name);
    // Their connections may outlive the clusters of their old routes.
    for (const listener of this.#leaving) listener.useRoutes(next.routes);
    for (const name of before.clusters.keys()) if (!next.clusters.has(name)) this.#removeCluster(name);
    this.#count();
  }

  #assignEndpoints(next: Snapshot): void {
    for (const cluster of next.clusters.values()) {
      if (cluster.discovery.kind !== 'eds') continue;
      const assignment = next.endpoints.get(cluster.discovery.serviceName);
      if (assignment !== undefined) this.clusters.get(cluster.name)?.assign(assignment);
      else this.#waitFor(`endpoints of ${cluster.name}`, () => this.clusters.get(cluster.name)?.giveUpWaiting());
    }
  }

  #secureClusters(next: Snapshot): void {
    for (const cluster of next.clusters.values()) {
      if (cluster.tls !== null) this.#secureCluster(cluster, next);
    }
  }

  #secureCluster(cluster: ClusterDescription, next: Snapshot): void {
    const tls = cluster.tls;
    if (tls === null) return;
    const before = this.#materials.get(cluster.name) ?? null;
    const material = resolveTls(tls, next.secrets, before);
    if (material === null || material === before) return;
    try {
      this.clusters.get(cluster.name)?.useTls(material);
      this.#materials.set(cluster.name, material);
    } catch (error) {
      this.#context.log.error(
        { cluster: cluster.name, err: error },
        'a TLS context could not be made; the last one stays',
      );
    }
  }

  #updateListeners(next: Snapshot): void {
    for (const [name, description] of next.listeners) {
      const living = this.#listeners.get(name);
      if (living === undefined || this.#starting.has(name)) continue;
      if (living.description !== description) this.#changeListener(living, description);
      living.useRoutes(next.routes);
      living.useSecrets(next.secrets);
    }
    this.#startListeners();
  }

  #changeListener(living: Listener, description: ListenerDescription): void {
    if (sameAddresses(living.description, description)) {
      living.update(description);
      this.#context.stats.listenerManager.listener_modified++;
      this.#context.onListeners();
      return;
    }
    this.#retire(living);
  }

  #retire(listener: Listener): void {
    this.#listeners.delete(listener.description.name);
    this.#leaving.add(listener);
    listener.stop(() => this.#leaving.delete(listener));
  }

  /** Starts listeners whose parts are all here: routes, secrets, and every cluster warm. */
  #startListeners(): void {
    if (this.#stopped) return;
    for (const [name, description] of this.#snapshot.listeners) {
      if (this.#listeners.has(name) || this.#starting.has(name)) continue;
      const missing = this.missingParts(description);
      if (missing.length > 0) this.#waitFor(`parts of listener ${name}`, () => this.#startListeners());
      if (missing.length === 0 || this.#waited.has(`parts of listener ${name}`)) this.#start(description);
    }
  }

  #start(description: ListenerDescription): void {
    const { stats, log } = this.#context;
    const label = labelOf(description);
    const listener = new Listener(description, {
      clock: this.#context.clock,
      log,
      stats: stats.listener(label),
      gates: this.#gates,
      drainTimeMs: this.#context.drainTimeMs ?? DRAIN_MS,
      choosePort: this.#context.shared?.choosePort,
      listensAtPipes: this.#context.shared?.listensAtPipes ?? true,
      proxyStats: (wanted) => (wanted === null ? null : stats.proxyProtocol(wanted.statPrefix)),
      httpStats: () => stats.httpInspector(),
      makeChain: (chain, owner) => this.#makeChain(chain, owner, label),
    });
    listener.useRoutes(this.#snapshot.routes);
    listener.useSecrets(this.#snapshot.secrets);
    this.#listeners.set(description.name, listener);
    const started = listener.start().then(
      () => this.#onStarted(description.name, listener),
      (error: unknown) => this.#onStartFailed(description.name, listener, error),
    );
    this.#starting.set(description.name, started);
  }

  #onStarted(name: string, listener: Listener): void {
    this.#starting.delete(name);
    this.#context.stats.listenerManager.listener_added++;
    this.#context.stats.listenerManager.listener_create_success++;
    if (this.#stopped || this.#listeners.get(name) !== listener) listener.destroy();
    else {
      if (this.#draining) listener.drain();
      // What arrived while the socket was being bound.
      this.#updateListeners(this.#snapshot);
    }
    this.#context.onListeners();
  }

  #onStartFailed(name: string, listener: Listener, error: unknown): void {
    this.#starting.delete(name);
    this.#context.stats.listenerManager.listener_create_failure++;
    this.#listeners.delete(name);
    const addresses = listener.description.addresses.map(({ host, port }) => hostPort(host, port));
    this.bindErrors.set(name, `cannot bind ${addresses.join(', ')}: ${(error as Error).message}`);
    this.#context.log.error(
      { listener: name, addresses, reason: (error as Error).message },
      'a listener could not be bound; is another program using the address?',
    );
    this.#context.onListeners();
  }

  /** Listeners whose addresses could not be bound, with the reason. */
  readonly bindErrors = new Map<string, string>();

  /** No listener is being bound. */
  get isSettled(): boolean {
    return this.#starting.size === 0;
  }

  /** Resolves when no listener is being bound. */
  async settled(): Promise<void> {
    while (this.#starting.size > 0) await Promise.all(this.#starting.values());
  }

  #makeChain(description: FilterChain, listener: ListenerDescription, label: string): Chain {
    const { terminal, release } = this.#makeTerminal(description, listener, label);
    return new Chain(description, {
      clock: this.#context.clock,
      drainTimeMs: this.#context.drainTimeMs ?? DRAIN_MS,
      clusters: this.clusters,
      terminal,
      judges: description.rbac.map((rbac) => judgeOf(rbac, this.#context.stats.networkRbac(rbac.statPrefix))),
      listenerName: listener.name,
      inspectsTls: listener.inspectTls,
      failing: () => this.#failing,
      listenerStats: this.#context.stats.listener(label),
      log: this.#context.log,
      release,
    });
  }

  #makeTerminal(
    chain: FilterChain,
    listener: ListenerDescription,
    label: string,
  ): { readonly terminal: Terminal; readonly release: () => void } {
    if (chain.kind === 'tcp') {
      const { tcp, release } = makeTcpProxy(chain.tcp, listener, this.#context);
      return { terminal: { kind: 'tcp', tcp }, release };
    }
    const { hcm, release } = makeHcm(chain.http, listener, label, this.#context);
    return { terminal: { kind: 'http', hcm, buildFilter: this.#buildFilter(chain.http.statPrefix) }, release };
  }

  /** What a listener waits for before it is bound; empty: nothing. */
  missingParts(description: ListenerDescription): string[] {
    const chains =
      description.defaultChain === null ? description.chains : [...description.chains, description.defaultChain];
    const missing: string[] = [];
    for (const chain of chains) {
      const routes = chain.kind === 'http' ? chain.http.routes : null;
      if (routes?.kind === 'rds' && !this.#snapshot.routes.has(routes.name)) missing.push(`routes "${routes.name}"`);
      for (const name of secretNames(chain.tls))
        if (!this.#snapshot.secrets.has(name)) missing.push(`secret "${name}"`);
    }
    for (const cluster of this.clusters.all) if (!cluster.ready) missing.push(`endpoints of cluster "${cluster.name}"`);
    return missing;
  }

  /** Everything that listeners still wait for. */
  get missing(): readonly string[] {
    const waiting = [...this.#snapshot.listeners.values()].filter(
      ({ name }) => !this.#listeners.has(name) || this.#starting.has(name),
    );
    return [
      ...new Set(
        waiting.flatMap((description) => [...this.missingParts(description), `listener "${description.name}"`]),
      ),
    ];
  }

  /** Calls `go` once, after the fetch timeout, unless it is waited for already. */
  #waitFor(what: string, go: () => void): void {
    const asked = `asked: ${what}`;
    if (this.#waited.has(asked)) return;
    this.#waited.add(asked);
    this.#context.clock.after(FETCH_TIMEOUT_MS, () => {
      this.#waited.add(what);
      go();
    });
  }

  #removeListener(name: string): void {
    const living = this.#listeners.get(name);
    if (living !== undefined) this.#retire(living);
    this.#context.stats.listenerManager.listener_removed++;
    this.#context.onListeners();
  }

  #removeCluster(name: string): void {
    this.clusters.remove(name);
    this.#materials.delete(name);
    this.#context.stats.clusterManager.cluster_removed++;
  }

  #count(): void {
    const { clusterManager, listenerManager } = this.#context.stats;
    clusterManager.active_clusters = this.clusters.size;
    listenerManager.total_listeners_active = this.#listeners.size;
  }

  /** Every answer asks for its connection to be closed; accepting goes on. */
  drain(): void {
    this.#draining = true;
    for (const listener of this.#listeners.values()) listener.drain();
  }

  /** Answers ask for their connection to be closed for as long as this instance fails health checks. */
  failHealthChecks(failing: boolean): void {
    this.#failing = failing;
  }

  /** Closes the listening sockets; what is under way goes on. */
  stopListening(inboundOnly = false): void {
    for (const listener of this.#listeners.values()) {
      if (!inboundOnly || listener.description.direction === 'inbound') listener.stop();
    }
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#stopped = true;
    for (const listener of this.#living) listener.destroy();
    for (const cluster of [...this.clusters.all]) {
      for (const host of cluster.hosts.values()) host.closeConnections();
      this.clusters.remove(cluster.name);
    }
  }
}

function labelOf({ addresses, statPrefix, name }: ListenerDescription): string {
  const [first] = addresses;
  return statPrefix ?? (first === undefined ? name : hostPort(first.host, first.port));
}

function sameAddresses(a: ListenerDescription, b: ListenerDescription): boolean {
  const text = ({ addresses, bindToPort }: ListenerDescription) =>
    JSON.stringify([addresses.map(({ host, port, mode }) => [host, port, mode]), bindToPort]);
  return text(a) === text(b);
}
