// One living filter chain: TLS, the connection manager or TCP proxy with everything looked up, and the
// connections it carries. Replaced as a whole when its description changes; its connections then drain.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { Exchange } from '../exchange.ts';
import type { Judge } from '../filters/rbac.ts';
import type { BuildFilter } from '../filters/table.ts';
import type { FilterChain } from '../model/listener.ts';
import type { TlsFault } from '../model/peer.ts';
import type { RouteConfiguration } from '../model/route.ts';
import { TlsAcceptor, type TlsHandler } from '../net/accept.ts';
import { connectionBelow } from '../../core/connection-below.ts';
import type { ProxyAddresses } from '../net/proxy-protocol.ts';
import { plainAddress } from '../../core/addresses.ts';
import type { TlsMaterial } from '../net/tls.ts';
import type { Hcm } from '../proxy/hcm.ts';
import { compileRouteTable, type RouteTable } from '../proxy/route-table.ts';
import type { ListenerStats } from '../telemetry/cells/listener.ts';
import { TlsStats } from '../telemetry/cells/tls.ts';
import type { ConnectionFacts, TlsFacts } from '../telemetry/facts.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { HttpConnection } from './http-connection.ts';
import { type NamedElsewhere, namedElsewhere } from './misdirection.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** What the connections of a chain are served by. */
export type Terminal =
  | {
      readonly kind: 'http';
      /** Everything of the connection manager but its routes and the chains beside it. */
      readonly hcm: Omit<Hcm, 'routes' | 'isMisdirected'>;
      readonly buildFilter: BuildFilter;
    }
  | { readonly kind: 'tcp'; readonly tcp: TcpProxy };

export interface ChainContext {
  readonly clock: Clock;
  /** How long connections live on that were made under another trust. */
  readonly drainTimeMs: number;
  readonly clusters: Clusters;
  readonly terminal: Terminal;
  /** Rules for connections, each with where it counts; all must let one in. */
  readonly judges: readonly Judge[];
  readonly listenerName: string;
  /** The listener reads server names before a chain is chosen. */
  readonly inspectsTls: boolean;
  /** The operator took this instance out of health checks: answers ask clients to go elsewhere. */
  readonly failing: () => boolean;
  readonly listenerStats: ListenerStats;
  readonly log: Log;
  /** Lets go of what the terminal filter held (log files). */
  readonly release: () => void;
}

/** What is known of an accepted socket by its listener. */
export interface Arrived {
  /** SNI, where the listener looked for it. */
  readonly serverName: string | null;
  /** What a balancer says of its ends. */
  readonly proxied: ProxyAddresses | null;
  /** The Unix socket that it came by; null: TCP. */
  readonly pipe: string | null;
}

const BY_TCP = { proxied: null, pipe: null };

/** A connection from a client, as its chain sees it. */
interface ChainConnection {
  readonly busy: boolean;
  drain(): void;
  destroy(): void;
}

let connectionCount = 0;

export class Chain {
  readonly description: FilterChain;
  readonly #context: ChainContext;
  /** null: a TCP proxy. */
  readonly #hcm: Hcm | null;
  readonly #tls: TlsAcceptor | null;
  /** With the generation of trust under which each was made. */
  readonly #connections = new Map<ChainConnection, number>();
  #trustGeneration = 0;
  readonly #partings = new Set<Timer>();
  /** Of those that the socket itself does not tell all of; by the one that was accepted: TLS may be on top by now. */
  readonly #arrived = new WeakMap<Socket, Arrived>();
  #material: TlsMaterial | null = null;
  #table: RouteTable | null = null;
  #elsewhere: NamedElsewhere | null = null;
  #draining = false;
  #destroyed = false;

  constructor(description: FilterChain, context: ChainContext) {
    this.description = description;
    this.#context = context;
    const { terminal } = context;
    this.#hcm = terminal.kind === 'http' ? this.#hcmOf(terminal.hcm) : null;
    this.#tls = tlsOf(description, this.#tlsHandler());
    if (this.#tls !== null) context.listenerStats.ssl ??= new TlsStats();
    if (description.kind === 'http' && description.http.routes.kind === 'inline')
      this.useRoutes(description.http.routes.config);
  }

  #hcmOf(hcm: Omit<Hcm, 'routes' | 'isMisdirected'>): Hcm {
    const isMisdirected = (authority: string) => this.#elsewhere?.(authority) ?? false;
    return { ...hcm, routes: () => this.#table, isMisdirected };
  }

  /** All chains of the listener, this one among them. */
  useNeighbours(all: readonly FilterChain[]): void {
    this.#elsewhere = namedElsewhere(this.description, all);
  }

  get activeRequests(): number {
    let active = 0;
    for (const connection of this.#connections.keys()) active += connection.busy ? 1 : 0;
    return active;
  }

  get connections(): number {
    return this.#connections.size;
  }

  useRoutes(config: RouteConfiguration | null): void {
    const { description } = this;
    const { terminal } = this.#context;
    if (config === null || this.#table?.config === config) return;
    if (description.kind !== 'http' || terminal.kind !== 'http') return;
    this.#table = compileRouteTable(config, description.http.filters, terminal.buildFilter);
  }

  get material(): TlsMaterial | null {
    return this.#material;
  }

  /**
   * A renewed certificate of ours ends no connection. A change of whom we trust drains those that are open; what
   * is still there when the time for draining is over, ends.
   */
  useTls(material: TlsMaterial): void {
    const before = this.#material;
    if (material === before) return;
    this.#tls?.use(material);
    this.#material = material;
    if (before !== null && before.validation !== material.validation) this.#partWith(++this.#trustGeneration);
  }

  #partWith(generation: number): void {
    const { clock, drainTimeMs } = this.#context;
    const old = () => [...this.#connections].flatMap(([connection, made]) => (made < generation ? connection : []));
    for (const connection of old()) connection.drain();
    const timer = clock.after(drainTimeMs, () => {
      this.#partings.delete(timer);
      for (const connection of old()) connection.destroy();
    });
    this.#partings.add(timer);
  }

  #tlsHandler(): TlsHandler {
    return {
      onSecure: (socket: TLSSocket, facts: TlsFacts, serverName: string | null) => {
        // As in Envoy, the name is known where the listener looked for it before the handshake.
        const { ssl } = this.#context.listenerStats;
        if (ssl !== null) ssl.handshake++;
        if (ssl !== null && facts.peer === null) ssl.no_certificate++;
        this.#serve(socket, facts, this.#context.inspectsTls ? serverName : null);
      },
      onTimeout: () => {
        this.#context.listenerStats.downstream_cx_transport_socket_connect_timeout++;
      },
      onRefused: ({ counted, reason }: TlsFault) => {
        const { ssl } = this.#context.listenerStats;
        if (ssl !== null) ssl[counted]++;
        this.#context.log.debug({ reason, chain: this.description.name }, 'a TLS connection was refused');
      },
    };
  }

  /** Takes over an accepted socket. */
  accept(socket: Socket, arrived: Arrived): void {
    if (arrived.proxied !== null || arrived.pipe !== null) this.#arrived.set(socket, arrived);
    if (this.#tls === null) this.#serve(socket, null, arrived.serverName);
    else this.#tls.accept(socket);
  }

  #serve(socket: Socket, tls: TlsFacts | null, serverName: string | null): void {
    if (socket.destroyed) return;
    const facts: ConnectionFacts = {
      id: ++connectionCount,
      ...this.#endsOf(socket),
      serverName,
      tls,
      terminationDetails: null,
      listenerName: this.#context.listenerName,
      filterChainName: this.description.name,
    };
    const details = this.#denial(facts);
    const { terminal } = this.#context;
    if (terminal.kind === 'tcp') this.#tunnel(socket, { ...facts, terminationDetails: details }, terminal.tcp);
    else if (details !== null) socket.destroy();
    else if (this.#hcm !== null) this.#converse(socket, facts, this.#hcm);
  }

  /** Why the connection may not be; null: it may. */
  #denial(facts: ConnectionFacts): string | null {
    const { judges } = this.#context;
    if (judges.length === 0) return null;
    // The rules ask for the connection alone; when it began is nothing to them.
    const x = new Exchange(facts, 0, 0);
    for (const judge of judges) {
      const details = judge(x);
      if (details !== null) return details;
    }
    return null;
  }

  #endsOf(socket: Socket): Pick<ConnectionFacts, 'direct' | 'local' | 'proxied' | 'directLocal'> {
    const below = connectionBelow(socket);
    const { proxied, pipe } = (below === null ? undefined : this.#arrived.get(below)) ?? BY_TCP;
    // Who connects to a Unix socket has no name: both ends have the listener's, as in Envoy.
    const direct = { host: pipe ?? plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const local = { host: pipe ?? plainAddress(socket.localAddress), port: socket.localPort ?? 0 };
    if (proxied === null) return { direct, local };
    return { direct, proxied: proxied.source, local: proxied.destination, directLocal: local };
  }

  #converse(socket: Socket, facts: ConnectionFacts, hcm: Hcm): void {
    const connection = new HttpConnection(socket, facts, hcm, this.#context, () =>
      this.#connections.delete(connection),
    );
    this.#connections.set(connection, this.#trustGeneration);
    if (this.#draining) connection.drain();
  }

  #tunnel(socket: Socket, facts: ConnectionFacts, tcp: TcpProxy): void {
    const connection = new TcpConnection(socket, facts, tcp, this.#context.clusters, () =>
      this.#connections.delete(connection),
    );
    this.#connections.set(connection, this.#trustGeneration);
    if (facts.terminationDetails === null) connection.start();
    else connection.destroy();
  }

  /** Answers say `Connection: close` from now on; idle connections end after the drain timeout. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections.keys()) connection.drain();
  }

  /** Once: a listener that was stopped may be told again. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    for (const timer of this.#partings) timer.cancel();
    for (const connection of [...this.#connections.keys()]) connection.destroy();
    this.#context.release();
  }
}

function tlsOf({ tls, transportSocketConnectTimeoutMs }: FilterChain, handler: TlsHandler): TlsAcceptor | null {
  return tls === null ? null : new TlsAcceptor({ tls, transportSocketConnectTimeoutMs }, handler);
}
