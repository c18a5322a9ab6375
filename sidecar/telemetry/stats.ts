// Every figure of the sidecar, by scope. A scope owns a cell of plain number fields which the hot path
// increments; the registry only knows where the cells are. Who asks is answered by render.ts.

import {
  CLUSTER_CODES,
  CLUSTER_HISTOGRAMS,
  CLUSTER_ROWS,
  ClusterStats,
  Http1CodecStats,
  HTTP1_ROWS,
} from './cells/cluster.ts';
import { Codes } from './cells/codes.ts';
import {
  clearRbac,
  HTTP_HISTOGRAMS,
  HTTP_ROWS,
  HttpStats,
  LISTENER_HTTP_ROWS,
  RBAC_ROWS,
  RbacStats,
} from './cells/http.ts';
import { GRPC_HISTOGRAMS, GRPC_ROWS, type GrpcStats } from './cells/grpc.ts';
import { Http2CodecStats, http2Rows } from './cells/http2.ts';
import { LISTENER_HISTOGRAMS, LISTENER_ROWS, ListenerStats } from './cells/listener.ts';
import {
  CLUSTER_MANAGER_ROWS,
  ClusterManagerStats,
  CONTROL_PLANE_ROWS,
  ControlPlaneStats,
  clearServerCells,
  clearSubscription,
  FILESYSTEM_ROWS,
  FilesystemStats,
  LISTENER_MANAGER_ROWS,
  ListenerManagerStats,
  SERVER_HISTOGRAMS,
  SERVER_ROWS,
  ServerStats,
  SUBSCRIPTION_ROWS,
  SubscriptionStats,
} from './cells/server.ts';
import { HTTP_INSPECTOR_ROWS, HttpInspectorStats } from './cells/http-inspector.ts';
import { PROXY_PROTOCOL_ROWS, ProxyProtocolStats } from './cells/proxy-protocol.ts';
import { TCP_ROWS, TcpStats } from './cells/tcp.ts';
import { OVERLOAD_ROWS, OverloadStats } from './cells/overload.ts';
import type { ScopeKind } from './cells/table.ts';
import { GrpcMethods, type GrpcNames } from './grpc-methods.ts';

export { type ClusterGauges, ClusterStats, type LimitGauges, OutlierStats } from './cells/cluster.ts';
export { Codes } from './cells/codes.ts';
export { Histogram } from './cells/histogram.ts';
export { HttpStats, RbacStats, TracingStats } from './cells/http.ts';
export { ListenerStats } from './cells/listener.ts';
export { TlsStats } from './cells/tls.ts';
export { ProxyProtocolStats } from './cells/proxy-protocol.ts';
export { TcpStats } from './cells/tcp.ts';
export {
  ClusterManagerStats,
  ControlPlaneStats,
  FilesystemStats,
  ListenerManagerStats,
  ServerStats,
  SubscriptionStats,
} from './cells/server.ts';

/** One living scope: its cell, and what its metrics are called. */
export interface Scope<C> {
  /** What /stats puts before each name, e.g. `cluster.web.` */
  readonly prefix: string;
  /** Labels in Prometheus, e.g. `envoy_cluster_name="web"`; '' for none. */
  readonly labels: string;
  readonly cell: C;
}

/** All scopes of one kind. */
export interface Group<C> {
  readonly kind: ScopeKind<C>;
  readonly scopes: ReadonlyMap<string, Scope<C>>;
}

/** A group whose cells nobody needs to know by type. */
export type AnyGroup = Group<never>;

/** What can be rendered: the figures of this thread, or of several together. */
export interface StatGroups {
  groups(): readonly AnyGroup[];
}

class Scopes<C> implements Group<C> {
  readonly kind: ScopeKind<C>;
  readonly scopes = new Map<string, Scope<C>>();

  constructor(kind: Pick<ScopeKind<C>, 'family' | 'rows'> & Partial<ScopeKind<C>>) {
    this.kind = { codes: [], histograms: [], ...kind };
  }

  /** The cell of the scope with this prefix, made when it is new. */
  open(prefix: string, labels: string, make: () => C): C {
    const found = this.scopes.get(prefix);
    if (found !== undefined) return found.cell;
    const cell = make();
    this.scopes.set(prefix, { prefix, labels, cell });
    return cell;
  }
}

/** A label value as the exposition format wants it. */
export function labelText(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}

/** A name as part of a statistic's name: Envoy writes `_` for `:`. */
export function statName(name: string): string {
  return name.replace(/[:\0]/g, '_');
}

export class Stats implements StatGroups {
  readonly server = new ServerStats();
  readonly clusterManager = new ClusterManagerStats();
  readonly listenerManager = new ListenerManagerStats();
  /** What the codecs of all listeners count. */
  readonly http1 = new Http1CodecStats();
  readonly http2 = new Http2CodecStats();
  readonly filesystem = new FilesystemStats();
  readonly overload = new OverloadStats();
  readonly #clusters = new Scopes({
    family: 'envoy_cluster_',
    rows: CLUSTER_ROWS,
    codes: CLUSTER_CODES,
    histograms: CLUSTER_HISTOGRAMS,
  });
  readonly #grpc = new Scopes<GrpcStats>({
    family: 'envoy_cluster_grpc_',
    rows: GRPC_ROWS,
    histograms: GRPC_HISTOGRAMS,
  });
  /** By the name of their cluster. */
  readonly #grpcMethods = new Map<string, GrpcMethods>();
  readonly #http = new Scopes({ family: 'envoy_http_', rows: HTTP_ROWS, histograms: HTTP_HISTOGRAMS });
  readonly #tcp = new Scopes({ family: 'envoy_tcp_', rows: TCP_ROWS });
  readonly #proxyProtocol = new Scopes({ family: 'envoy_proxy_proto_', rows: PROXY_PROTOCOL_ROWS });
  readonly #httpInspector = new Scopes({ family: 'envoy_http_inspector_', rows: HTTP_INSPECTOR_ROWS });
  readonly #listeners = new Scopes({ family: 'envoy_listener_', rows: LISTENER_ROWS, histograms: LISTENER_HISTOGRAMS });
  readonly #listenerHttp = new Scopes({ family: 'envoy_listener_http_', rows: LISTENER_HTTP_ROWS });
  readonly #rbac = new Scopes({ family: 'envoy_http_rbac_', rows: RBAC_ROWS });
  readonly #networkRbac = new Scopes({ family: 'envoy_rbac_', rows: RBAC_ROWS });
  /** One group for each of cds, lds, rds, sds, eds: they differ in family. */
  readonly #subscriptions = new Map<string, Scopes<SubscriptionStats>>();
  readonly #single: readonly AnyGroup[];
  #controlPlane: ControlPlaneStats | null = null;

  constructor() {
    this.#single = [
      single('server.', { family: 'envoy_server_', rows: SERVER_ROWS, histograms: SERVER_HISTOGRAMS }, this.server),
      single('cluster_manager.', { family: 'envoy_cluster_manager_', rows: CLUSTER_MANAGER_ROWS }, this.clusterManager),
      single(
        'listener_manager.',
        { family: 'envoy_listener_manager_', rows: LISTENER_MANAGER_ROWS },
        this.listenerManager,
      ),
      single('http1.', { family: 'envoy_http1_', rows: HTTP1_ROWS }, this.http1),
      single('http2.', { family: 'envoy_http2_', rows: http2Rows<Http2CodecStats>((cell) => cell) }, this.http2),
      single('filesystem.', { family: 'envoy_filesystem_', rows: FILESYSTEM_ROWS }, this.filesystem),
      single('overload.', { family: 'envoy_overload_', rows: OVERLOAD_ROWS }, this.overload),
    ];
  }

  /** Shown from its first use on: where there is a control plane to connect to. */
  get controlPlane(): ControlPlaneStats {
    this.#controlPlane ??= new ControlPlaneStats();
    return this.#controlPlane;
  }

  /** `name` is the cluster's `alt_stat_name`, or its name. */
  cluster(name: string): ClusterStats {
    return this.#clusters.open(`cluster.${statName(name)}.`, clusterLabel(name), () => new ClusterStats());
  }

  /** gRPC calls to a cluster, by the same name. */
  grpc(name: string): GrpcMethods {
    let methods = this.#grpcMethods.get(name);
    if (methods === undefined) {
      methods = new GrpcMethods(grpcNames(name), this.#grpc);
      this.#grpcMethods.set(name, methods);
    }
    return methods;
  }

  removeCluster(name: string): void {
    this.#clusters.scopes.delete(`cluster.${statName(name)}.`);
    this.#grpcMethods.get(name)?.drop();
    this.#grpcMethods.delete(name);
  }

  /** Shared by all connection managers with this stat_prefix. */
  http(prefix: string): HttpStats {
    return this.#http.open(`http.${statName(prefix)}.`, httpLabel(prefix), () => new HttpStats());
  }

  removeHttp(prefix: string): void {
    this.#http.scopes.delete(`http.${statName(prefix)}.`);
    this.#dropUnder(this.#rbac, `http.${statName(prefix)}.`);
  }

  /** Shared by all TCP proxies with this stat_prefix. */
  tcp(prefix: string): TcpStats {
    return this.#tcp.open(`tcp.${statName(prefix)}.`, `envoy_tcp_prefix="${labelText(prefix)}"`, () => new TcpStats());
  }

  /** PROXY headers of all listeners with this prefix; '' for none. */
  proxyProtocol(prefix: string): ProxyProtocolStats {
    const name = prefix === '' ? 'proxy_proto.' : `proxy_proto.${statName(prefix)}.`;
    const labels = prefix === '' ? '' : `envoy_proxy_protocol_prefix="${labelText(prefix)}"`;
    return this.#proxyProtocol.open(name, labels, () => new ProxyProtocolStats());
  }

  /** Of all listeners; shown from its first use on. */
  httpInspector(): HttpInspectorStats {
    return this.#httpInspector.open('http_inspector.', '', () => new HttpInspectorStats());
  }

  /** `address` is `127.0.0.1:80`, or the listener's stat_prefix. */
  listener(address: string): ListenerStats {
    return this.#listeners.open(`listener.${statName(address)}.`, listenerLabel(address), () => new ListenerStats());
  }

  /** Answers of one connection manager on one listener. */
  listenerHttp(address: string, prefix: string): Codes {
    const name = `listener.${statName(address)}.http.${statName(prefix)}.`;
    return this.#listenerHttp.open(name, `${httpLabel(prefix)},${listenerLabel(address)}`, () => new Codes());
  }

  removeListener(address: string): void {
    this.#listeners.scopes.delete(`listener.${statName(address)}.`);
    this.#dropUnder(this.#listenerHttp, `listener.${statName(address)}.`);
  }

  /** `rules` is the filter's own stat prefix; '' for none. */
  rbac(httpPrefix: string, rules = ''): RbacStats {
    const name = `http.${statName(httpPrefix)}.rbac.${rules === '' ? '' : `${statName(rules)}.`}`;
    const labels =
      rules === '' ? httpLabel(httpPrefix) : `envoy_rbac_prefix="${labelText(rules)}",${httpLabel(httpPrefix)}`;
    return this.#rbac.open(name, labels, () => new RbacStats());
  }

  /** Rules for connections. */
  networkRbac(prefix: string): RbacStats {
    const name = `${statName(prefix)}.rbac.`;
    return this.#networkRbac.open(name, `envoy_rbac_prefix="${labelText(prefix)}"`, () => new RbacStats());
  }

  /** A subscription by its place: `cluster_manager.cds`, `listener_manager.lds`. */
  subscription(place: string): SubscriptionStats {
    return this.#subscriptionsOf(place).open(`${place}.`, '', () => new SubscriptionStats());
  }

  routeSubscription(httpPrefix: string, routes: string): SubscriptionStats {
    const labels = `envoy_rds_route_config="${labelText(routes)}",${httpLabel(httpPrefix)}`;
    const name = `http.${statName(httpPrefix)}.rds.${statName(routes)}.`;
    return this.#subscriptionsOf('http_rds').open(name, labels, () => new SubscriptionStats());
  }

  secretSubscription(secret: string): SubscriptionStats {
    const name = `sds.${statName(secret)}.`;
    return this.#subscriptionsOf('sds').open(
      name,
      `envoy_xds_resource_name="${labelText(secret)}"`,
      () => new SubscriptionStats(),
    );
  }

  /** All groups there are, for whoever renders them. */
  groups(): readonly AnyGroup[] {
    const many = [
      this.#clusters,
      this.#grpc,
      this.#http,
      this.#tcp,
      this.#proxyProtocol,
      this.#httpInspector,
      this.#listeners,
      this.#listenerHttp,
      this.#rbac,
      this.#networkRbac,
      ...this.#subscriptions.values(),
    ];
    return [...this.#single, ...this.#controlPlaneGroup(), ...(many as unknown as AnyGroup[])];
  }

  /** Counters back to 0; gauges and histograms stay. */
  resetCounters(): void {
    clearServerCells(this);
    this.overload.clear();
    for (const group of [
      this.#clusters,
      this.#grpc,
      this.#http,
      this.#tcp,
      this.#proxyProtocol,
      this.#httpInspector,
      this.#listeners,
      this.#listenerHttp,
    ]) {
      for (const { cell } of group.scopes.values()) cell.clear();
    }
    for (const group of [this.#rbac, this.#networkRbac]) for (const { cell } of group.scopes.values()) clearRbac(cell);
    for (const group of this.#subscriptions.values()) {
      for (const { cell } of group.scopes.values()) clearSubscription(cell);
    }
  }

  #controlPlaneGroup(): AnyGroup[] {
    if (this.#controlPlane === null) return [];
    return [single('control_plane.', { family: 'envoy_control_plane_', rows: CONTROL_PLANE_ROWS }, this.#controlPlane)];
  }

  #subscriptionsOf(place: string): Scopes<SubscriptionStats> {
    let group = this.#subscriptions.get(place);
    if (group === undefined) {
      group = new Scopes<SubscriptionStats>({
        family: `envoy_${place.replace(/[^a-z]/g, '_')}_`,
        rows: SUBSCRIPTION_ROWS,
      });
      this.#subscriptions.set(place, group);
    }
    return group;
  }

  #dropUnder(group: Scopes<unknown> | Scopes<never>, prefix: string): void {
    for (const name of group.scopes.keys()) if (name.startsWith(prefix)) group.scopes.delete(name);
  }
}

function single<C>(
  prefix: string,
  kind: Pick<ScopeKind<C>, 'family' | 'rows'> & Partial<ScopeKind<C>>,
  cell: C,
): AnyGroup {
  const group = new Scopes<C>(kind);
  group.open(prefix, '', () => cell);
  return group as unknown as AnyGroup;
}

function clusterLabel(name: string): string {
  return `envoy_cluster_name="${labelText(name)}"`;
}

/** Labels in Envoy's order. A service with dots in its name stays whole in its label. */
function grpcNames(cluster: string): GrpcNames {
  const prefix = `cluster.${statName(cluster)}.grpc.`;
  const labels = clusterLabel(cluster);
  return {
    prefix,
    labels,
    of: (service, method) => ({
      prefix: `${prefix}${statName(service)}.${statName(method)}.`,
      labels: `envoy_grpc_bridge_method="${labelText(method)}",envoy_grpc_bridge_service="${labelText(service)}",${labels}`,
    }),
  };
}

function httpLabel(prefix: string): string {
  return `envoy_http_conn_manager_prefix="${labelText(prefix)}"`;
}

function listenerLabel(address: string): string {
  return `envoy_listener_address="${labelText(statName(address))}"`;
}
