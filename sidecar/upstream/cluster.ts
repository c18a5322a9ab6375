// A cluster, alive: its hosts, the picker over them, circuit breakers, TLS towards it. The description is
// replaced; hosts, connections and counters are kept by address over every update.

import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Picker } from '../lb/picker.ts';
import { buildHostPicker, type LocalityHosts } from '../lb/tiers.ts';
import type { Cluster as ClusterDescription } from '../model/cluster.ts';
import type { HttpVersion } from '../http/head.ts';
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from '../model/endpoint.ts';
import type { UpstreamTls } from '../model/tls.ts';
import { hostPort } from '../../core/addresses.ts';
import type { DialTarget, DialTls } from '../net/dial.ts';
import type { ProxyAddresses } from '../net/proxy-protocol.ts';
import { secureContext } from '../net/shared-contexts.ts';
import { leafOf, type TlsMaterial } from '../net/tls.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import { TlsStats } from '../telemetry/cells/tls.ts';
import { DnsEndpoints } from './dns-endpoints.ts';
import { Host } from './host.ts';
import { type CircuitBreaker, LocalBreaker, type MakeBreaker } from './limits.ts';
import { type LocalFailure, OutlierDetector } from './outlier.ts';
import { Pool, type PoolSettings } from './pool.ts';
import { poolSettings } from './pool-settings.ts';
import { TcpUpstream, type TcpWaiter } from './tcp-upstream.ts';

export interface ClusterContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: ClusterStats;
  /** Where several threads count together; absent: this one counts alone. */
  readonly makeBreaker?: MakeBreaker | undefined;
  /** The endpoints are known for the first time. */
  onReady(): void;
}

export class Cluster {
  readonly name: string;
  readonly stats: ClusterStats;
  #description: ClusterDescription;
  #assignment: ClusterLoadAssignment | null = null;
  #hosts = new Map<string, Host>();
  /** The same, as the assignment orders them. */
  #tiers: readonly (readonly LocalityHosts<Host>[])[] = [];
  #picker: Picker<Host> | null = null;
  #tls: DialTls | null = null;
  #settings: PoolSettings;
  /** For clients that speak HTTP/2, where the upstream is spoken to like them. */
  #http2Settings: PoolSettings;
  #http1Settings: PoolSettings;
  #rawSettings: PoolSettings;
  #trustGeneration = 0;
  #ready = false;
  #dns: DnsEndpoints | null = null;
  #outlier: OutlierDetector<Host> | null = null;
  readonly #breakers: { readonly default: CircuitBreaker; readonly high: CircuitBreaker };
  readonly #context: ClusterContext;

  constructor(description: ClusterDescription, context: ClusterContext) {
    this.name = description.name;
    this.stats = context.stats;
    this.#description = description;
    this.#context = context;
    const { name, limits } = description;
    const breaker = (priority: 'default' | 'high') =>
      context.makeBreaker?.(name, priority, limits[priority]) ?? new LocalBreaker(limits[priority]);
    this.#breakers = { default: breaker('default'), high: breaker('high') };
    if (description.tls !== null) this.#tlsStats();
    this.#settings = poolSettings(description, 0, this.stats);
    this.#http2Settings = { ...this.#settings, protocol: 'http2' };
    this.#http1Settings = { ...this.#settings, protocol: 'http1' };
    this.#rawSettings = { ...this.#settings, protocol: 'raw' };
    this.stats.gauges = {
      membership: () => this.#membership(),
      limits: (priority) => this.#breakers[priority].gauges(),
    };
    this.#followOutliers();
    this.#followDiscovery();
  }

  get description(): ClusterDescription {
    return this.#description;
  }

  /** Its endpoints are known. */
  get ready(): boolean {
    return this.#ready;
  }

  get hosts(): ReadonlyMap<string, Host> {
    return this.#hosts;
  }

  get assignment(): ClusterLoadAssignment | null {
    return this.#assignment;
  }

  breaker(priority: 'default' | 'high'): CircuitBreaker {
    return this.#breakers[priority];
  }

  /** Takes a new description; connections are kept unless what they were made by changed. */
  update(description: ClusterDescription): void {
    const before = this.#description;
    if (before === description) return;
    this.#description = description;
    this.#breakers.default.replace(description.limits.default);
    this.#breakers.high.replace(description.limits.high);
    this.#useSettings();
    if (before.outlier !== description.outlier) this.#followOutliers();
    if (before.discovery !== description.discovery) this.#followDiscovery();
    else this.#rebuild();
  }

  #followDiscovery(): void {
    const { discovery } = this.#description;
    this.#dns?.stop();
    this.#dns = null;
    if (discovery.kind === 'static') this.assign(discovery.assignment);
    else if (discovery.kind !== 'eds') {
      const { clock, log } = this.#context;
      this.#dns = new DnsEndpoints(discovery, this.stats, clock, log, (assignment) => this.assign(assignment));
    }
  }

  #followOutliers(): void {
    this.#outlier?.stop();
    const { outlier } = this.#description;
    const { clock } = this.#context;
    this.#outlier = null;
    if (outlier === null) return;
    this.#outlier = new OutlierDetector<Host>(outlier, {
      hosts: () => [...this.#hosts.values()],
      stats: this.stats,
      clock,
      onChange: () => this.#onHealthChange(),
    });
  }

  #onHealthChange(): void {
    if (this.#description.closeConnectionsOnHostHealthFailure) {
      for (const host of this.#hosts.values()) if (host.health === 'unhealthy') host.closeConnections();
    }
    this.#rebuild();
  }

  /** Takes a new assignment: hosts that stay are the same objects, those that went finish what they have. */
  assign(assignment: ClusterLoadAssignment): void {
    if (assignment === this.#assignment) return;
    this.#assignment = assignment;
    const joined = this.#ready ? this.#context.clock.now() : Number.NEGATIVE_INFINITY;
    const next = new Map<string, Host>();
    this.#tiers = assignment.localities.reduce<LocalityHosts<Host>[][]>((tiers, locality) => {
      const hosts = locality.endpoints.map((endpoint) => this.#hostOf(endpoint, locality, next, joined));
      while (tiers.length <= locality.priority) tiers.push([]);
      tiers[locality.priority]?.push({ weight: locality.weight, hosts });
      return tiers;
    }, []);
    this.#leave([...this.#hosts.values()].filter((host) => next.get(host.key) !== host));
    if (next.size !== this.#hosts.size || [...next.keys()].some((key) => !this.#hosts.has(key)))
      this.stats.membership_change++;
    this.#hosts = next;
    this.#rebuild();
    if (this.#ready) return;
    this.#ready = true;
    this.#context.onReady();
  }

  /** The host of an endpoint: the one of that address, if there is one, also where an address stands twice. */
  #hostOf(endpoint: Endpoint, locality: LocalityEndpoints, next: Map<string, Host>, joined: number): Host {
    const key = hostPort(endpoint.host, endpoint.port);
    const known = next.get(key) ?? this.#hosts.get(key);
    const host =
      known === undefined
        ? new Host(endpoint, endpoint, locality, locality.priority, joined)
        : known.moved(endpoint, locality, locality.priority);
    next.set(key, host);
    return host;
  }

  /** Endpoints did not come in time: the cluster goes on with none. */
  giveUpWaiting(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#context.onReady();
  }

  #leave(hosts: readonly Host[]): void {
    for (const host of hosts) {
      host.removed = true;
      host.drainConnections();
    }
  }

  #rebuild(): void {
    const { clock } = this.#context;
    this.#picker = buildHostPicker<Host>({
      tiers: this.#tiers,
      policy: this.#description.lb,
      common: this.#description.common,
      overprovisioning: this.#assignment?.overprovisioningFactor ?? 140,
      weightedPriorityHealth: this.#assignment?.weightedPriorityHealth ?? false,
      random: () => clock.random(),
      now: () => clock.now(),
      onPanic: () => {
        this.stats.lb_healthy_panic++;
      },
    });
  }

  /** A host for one attempt, or null. `avoid`: hosts tried before; taken all the same when nothing else comes. */
  choose(avoid: readonly Host[] | null, attempts: number): Host | null {
    if (this.#picker === null) return null;
    return avoid === null ? this.#picker.pick() : this.#picker.pick({ skip: (host) => avoid.includes(host), attempts });
  }

  /** `version` of the request counts where the upstream is to be spoken to as its client spoke to us. */
  pool(host: Host, priority: 'default' | 'high', version: HttpVersion): Pool {
    const isHttp2 = version === 20 && this.#description.http.protocol === 'downstream';
    const pools = isHttp2 ? host.http2Pools : host.pools;
    return pools[priority] ?? this.#makePool(host, pools, priority, this.#settingsFor(isHttp2));
  }

  #settingsFor(isHttp2: boolean): () => PoolSettings {
    return isHttp2 ? () => this.#http2Settings : () => this.#settings;
  }

  /** Of connections that do not offer HTTP/2, whatever the cluster does otherwise. */
  http1Pool(host: Host, priority: 'default' | 'high'): Pool {
    return host.http1Pools[priority] ?? this.#makePool(host, host.http1Pools, priority, () => this.#http1Settings);
  }

  /** Of connections that carry the bytes of one CONNECT each. */
  rawPool(host: Host, priority: 'default' | 'high'): Pool {
    return host.rawPools[priority] ?? this.#makePool(host, host.rawPools, priority, () => this.#rawSettings);
  }

  #makePool(host: Host, pools: Host['pools'], priority: 'default' | 'high', settings: () => PoolSettings): Pool {
    const target = () => this.#dialTarget(host, null, pools === host.http1Pools ? 'http1-only' : settings().protocol);
    const pool = new Pool(settings, target, this.#breakers[priority], this.stats, host.stats, this.#context.clock);
    pools[priority] = pool;
    return pool;
  }

  /** A connection of its own to the host, for one of a client between these ends; not dialled yet. */
  tcpUpstream(host: Host, waiter: TcpWaiter, ends: ProxyAddresses): TcpUpstream {
    const { clock } = this.#context;
    const target = this.#dialTarget(host, ends, 'http1');
    return new TcpUpstream(host, waiter, { target, breaker: this.#breakers.default, stats: this.stats, clock });
  }

  /** `ends`: what a PROXY header says; null, where clients share connections: those of the connection. */
  #dialTarget(host: Host, ends: ProxyAddresses | null, protocol: Offered): DialTarget | null {
    const { connectTimeoutMs, tls, bindAddress, tcpKeepalive, proxyProtocol } = this.#description;
    if (tls !== null && this.#tls === null) return null;
    return {
      host: host.address.host,
      port: host.address.port,
      timeoutMs: connectTimeoutMs,
      tls: this.#tls === null ? null : offering(this.#tls, protocol),
      bind: bindAddress,
      keepAliveSeconds: tcpKeepalive?.idleSeconds ?? null,
      preface: proxyProtocol === null ? null : { version: proxyProtocol, addresses: ends },
    };
  }

  #useSettings(): void {
    if (this.#description.tls !== null) this.#tlsStats();
    this.#settings = poolSettings(this.#description, this.#trustGeneration, this.stats);
    this.#http2Settings = { ...this.#settings, protocol: 'http2' };
    this.#http1Settings = { ...this.#settings, protocol: 'http1' };
    this.#rawSettings = { ...this.#settings, protocol: 'raw' };
  }

  /**
   * TLS as it holds from now on; null while a secret is missing. A renewed certificate of ours ends no
   * connection: those made with the old one go on until that ends, or every rotation would be a storm of
   * handshakes. A change of whom we trust ends them as they become free. Throws what OpenSSL says of
   * unusable material; then everything stays as it was.
   */
  useTls(material: TlsMaterial | null): void {
    const before = this.#tls;
    const { tls } = this.#description;
    this.#tls = material === null || tls === null ? null : dialTls(material, tls, this.#tlsStats());
    if (before === null || before.validation === this.#tls?.validation) return;
    this.#trustGeneration++;
    this.#useSettings();
    for (const host of this.#hosts.values()) host.retireConnections();
  }

  #tlsStats(): TlsStats {
    this.stats.ssl ??= new TlsStats();
    return this.stats.ssl;
  }

  reportAnswer(host: Host, status: number): void {
    this.#outlier?.answered(host, status);
  }

  reportLocalFailure(host: Host, kind: LocalFailure): void {
    this.#outlier?.failed(host, kind);
  }

  /** A connection to the host could be used. */
  reportConnected(host: Host): void {
    this.#outlier?.connected(host);
  }

  #membership(): { total: number; healthy: number; degraded: number; excluded: number } {
    const hosts = [...this.#hosts.values()];
    const count = (health: Host['health']) => hosts.filter((host) => host.health === health).length;
    return { total: hosts.length, healthy: count('healthy'), degraded: count('degraded'), excluded: 0 };
  }

  /** The share of requests to be dropped by `drop_overloads` hits this one: its category, or null. */
  dropCategory(): string | null {
    const drops = this.#assignment?.dropOverloads;
    if (drops === undefined || drops.length === 0) return null;
    for (const { category, share } of drops) {
      if (this.#context.clock.random() < share) return category;
    }
    return null;
  }

  /** Takes nothing new; connections end as they become free. */
  drain(): void {
    this.#dns?.stop();
    this.#outlier?.stop();
    this.#leave([...this.#hosts.values()]);
  }
}

/** `http1-only`: HTTP/2 is not offered, even where the description of TLS names it. */
type Offered = PoolSettings['protocol'] | 'http1-only';

/** What is offered by ALPN, where the description of TLS leaves it open (Envoy's defaults by protocol). */
function offering(tls: DialTls, protocol: Offered): DialTls {
  if (protocol === 'http1-only') return { ...tls, alpn: withoutHttp2(tls.alpn) };
  if (tls.alpn.length > 0 || protocol === 'http1' || protocol === 'raw') return tls;
  return { ...tls, alpn: protocol === 'http2' ? ['h2'] : ['h2', 'http/1.1'] };
}

function withoutHttp2(alpn: readonly string[]): readonly string[] {
  const left = alpn.filter((name) => name !== 'h2');
  return left.length === 0 ? ['http/1.1'] : left;
}

function dialTls(material: TlsMaterial, tls: UpstreamTls, stats: TlsStats): DialTls {
  const [own] = material.certificates;
  return {
    context: secureContext(material),
    validation: material.validation,
    serverName: tls.sni,
    alpn: tls.alpn,
    local: own === undefined ? null : leafOf(own.chain),
    stats,
  };
}
