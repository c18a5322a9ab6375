// One living filter chain: TLS, the connection manager with everything looked up, and the connections it
// carries. Replaced as a whole when its description changes; its connections then drain.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Log } from '../../core/log.ts';
import type { BuildFilter } from '../filters/table.ts';
import type { FilterChain, HttpConnectionManager } from '../model/listener.ts';
import type { RouteConfiguration } from '../model/route.ts';
import { TlsAcceptor, type TlsHandler } from '../net/accept.ts';
import { plainAddress } from '../../core/addresses.ts';
import type { TlsMaterial } from '../net/tls.ts';
import type { Hcm } from '../proxy/hcm.ts';
import { compileRouteTable, type RouteTable } from '../proxy/route-table.ts';
import { type ListenerStats, TlsStats } from '../telemetry/cells/listener.ts';
import type { ConnectionFacts, TlsFacts } from '../telemetry/facts.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { HttpConnection } from './http-connection.ts';

export interface ChainContext {
  readonly clusters: Clusters;
  readonly buildFilter: BuildFilter;
  readonly listenerName: string;
  /** The listener reads server names before a chain is chosen. */
  readonly inspectsTls: boolean;
  /** The operator took this instance out of health checks: answers ask clients to go elsewhere. */
  readonly failing: () => boolean;
  readonly listenerStats: ListenerStats;
  readonly log: Log;
  /** Everything of the connection manager but its routes. */
  readonly hcm: Omit<Hcm, 'routes'>;
  /** Lets go of what the connection manager held (log files). */
  readonly release: () => void;
}

let connectionCount = 0;

export class Chain {
  readonly description: FilterChain;
  readonly #context: ChainContext;
  readonly #hcm: Hcm;
  readonly #tls: TlsAcceptor | null;
  readonly #connections = new Set<HttpConnection>();
  #material: TlsMaterial | null = null;
  #table: RouteTable | null = null;
  #draining = false;
  #destroyed = false;

  constructor(description: FilterChain, context: ChainContext) {
    this.description = description;
    this.#context = context;
    this.#hcm = { ...context.hcm, routes: () => this.#table };
    this.#tls = tlsOf(description, this.#tlsHandler());
    if (this.#tls !== null) context.listenerStats.ssl ??= new TlsStats();
    const { routes } = description.http;
    if (routes.kind === 'inline') this.useRoutes(routes.config);
  }

  get http(): HttpConnectionManager {
    return this.description.http;
  }

  get activeRequests(): number {
    let active = 0;
    for (const connection of this.#connections) active += connection.busy ? 1 : 0;
    return active;
  }

  get connections(): number {
    return this.#connections.size;
  }

  useRoutes(config: RouteConfiguration | null): void {
    if (config === null || this.#table?.config === config) return;
    this.#table = compileRouteTable(config, this.http.filters, this.#context.buildFilter);
  }

  get material(): TlsMaterial | null {
    return this.#material;
  }

  useTls(material: TlsMaterial): void {
    if (material === this.#material) return;
    this.#tls?.use(material);
    this.#material = material;
  }

  #tlsHandler(): TlsHandler {
    return {
      onSecure: (socket: TLSSocket, facts: TlsFacts, serverName: string | null) => {
        // As in Envoy, the name is known where the listener looked for it before the handshake.
        const { ssl } = this.#context.listenerStats;
        if (ssl !== null) ssl.handshake++;
        this.#serve(socket, facts, this.#context.inspectsTls ? serverName : null);
      },
      onTimeout: () => {
        this.#context.listenerStats.downstream_cx_transport_socket_connect_timeout++;
      },
      onRefused: (reason: string) => {
        const { ssl } = this.#context.listenerStats;
        if (ssl !== null) ssl.connection_error++;
        this.#context.log.debug({ reason, chain: this.description.name }, 'a TLS connection was refused');
      },
    };
  }

  /** Takes over an accepted socket. */
  accept(socket: Socket, serverName: string | null): void {
    if (this.#tls === null) this.#serve(socket, null, serverName);
    else this.#tls.accept(socket);
  }

  #serve(socket: Socket, tls: TlsFacts | null, serverName: string | null): void {
    if (socket.destroyed) return;
    const facts: ConnectionFacts = {
      id: ++connectionCount,
      direct: { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 },
      local: { host: plainAddress(socket.localAddress), port: socket.localPort ?? 0 },
      serverName,
      tls,
      terminationDetails: null,
      listenerName: this.#context.listenerName,
      filterChainName: this.description.name,
    };
    const connection = new HttpConnection(socket, facts, this.#hcm, this.#context, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    if (this.#draining) connection.drain();
  }

  /** Answers say `Connection: close` from now on; idle connections end after the drain timeout. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  /** Once: a listener that was stopped may be told again. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    for (const connection of [...this.#connections]) connection.destroy();
    this.#context.release();
  }
}

function tlsOf({ tls, transportSocketConnectTimeoutMs }: FilterChain, handler: TlsHandler): TlsAcceptor | null {
  return tls === null ? null : new TlsAcceptor({ tls, transportSocketConnectTimeoutMs }, handler);
}
