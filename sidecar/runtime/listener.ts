// One living listener: accepted socket -> filter chain -> codec. Its description is replaced in place:
// chains that did not change keep their connections, the others drain; the socket is bound again only
// when the addresses changed.

import type { Server, Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type {
  FilterChain,
  ListenAddress,
  Listener as ListenerDescription,
  ProxyProtocol,
  SocketAddress,
} from '../model/listener.ts';
import type { RouteConfiguration } from '../model/route.ts';
import type { Secret } from '../model/secret.ts';
import { arrivals } from '../http/arrivals.ts';
import { abortConnection } from '../../core/connection-below.ts';
import { listen } from '../net/accept.ts';
import { listenAtPipe } from '../net/listen-pipe.ts';
import { hostPort, isPipe, plainAddress } from '../../core/addresses.ts';
import type { ConnectionGate, ConnectionGates, LimitName } from '../net/connection-gates.ts';
import type { ListenerStats } from '../telemetry/cells/listener.ts';
import type { HttpInspectorStats } from '../telemetry/cells/http-inspector.ts';
import type { ProxyProtocolStats } from '../telemetry/cells/proxy-protocol.ts';
import type { Chain } from './chain.ts';
import { chooseChain, type ConnectionTraits } from './chain-match.ts';
import { ListenerFilters, type ListenerFiltersHandler, type Found, NOTHING_FOUND } from './listener-filters.ts';
import { resolveTls } from './tls-material.ts';

/** The port for the n-th address of a listener that leaves the choice to the system: the same in all threads. */
export type ChoosePort = (listener: string, n: number, host: string) => Promise<number>;

export interface ListenerContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: ListenerStats;
  readonly gates: ConnectionGates;
  /** How long the tunnels of a chain that is gone live on. */
  readonly drainTimeMs: number;
  /** Where several threads listen together; absent: this one listens alone. */
  readonly choosePort?: ChoosePort | undefined;
  /** Threads cannot share a Unix socket: one of them listens. */
  readonly listensAtPipes: boolean;
  /** Where PROXY headers are counted. */
  proxyStats(proxyProtocol: ProxyProtocol | null): ProxyProtocolStats | null;
  /** Where it is counted what connections begin with. */
  httpStats(): HttpInspectorStats;
  makeChain(description: FilterChain, listener: ListenerDescription): Chain;
}

/** A listening socket. */
interface Bound {
  readonly server: Server;
  /** Its path or `@name`; null: TCP. */
  readonly pipe: string | null;
}

/** Sockets whose protocol is still being detected, at most. */
const MOST_UNDECIDED = 10_000;

export class Listener {
  #description: ListenerDescription;
  #bound: Bound[] = [];
  #chains: Chain[] = [];
  #defaultChain: Chain | null = null;
  #undecided = 0;
  #proxyStats: ProxyProtocolStats | null = null;
  #httpStats: HttpInspectorStats | null = null;
  #gate: ConnectionGate;
  /** With the timer that looks whether it is idle. */
  readonly #draining = new Map<Chain, Timer>();
  #onDrained: () => void = () => {};
  readonly #context: ListenerContext;

  constructor(description: ListenerDescription, context: ListenerContext) {
    this.#description = description;
    this.#context = context;
    this.#gate = context.gates.of(description.name, description);
    this.#proxyStats = context.proxyStats(description.proxyProtocol);
    this.#httpStats = description.inspectHttp ? context.httpStats() : null;
    this.#chains = description.chains.map((chain) => context.makeChain(chain, description));
    this.#defaultChain =
      description.defaultChain === null ? null : context.makeChain(description.defaultChain, description);
    this.#tellNeighbours();
  }

  #tellNeighbours(): void {
    const all = this.chains.map(({ description }) => description);
    for (const chain of this.chains) chain.useNeighbours(all);
  }

  get description(): ListenerDescription {
    return this.#description;
  }

  get stats(): ListenerStats {
    return this.#context.stats;
  }

  /** Where it really listens; a port of 0 was chosen by the system. */
  get addresses(): readonly SocketAddress[] {
    return this.#bound.flatMap(({ server, pipe }) => {
      const address = server.address();
      if (pipe !== null) return [{ host: pipe, port: 0 }];
      return address !== null && typeof address === 'object'
        ? [{ host: plainAddress(address.address), port: address.port }]
        : [];
    });
  }

  get chains(): readonly Chain[] {
    return this.#defaultChain === null ? this.#chains : [...this.#chains, this.#defaultChain];
  }

  /** Those that drain as well. */
  get #living(): ReadonlySet<Chain> {
    return new Set([...this.chains, ...this.#draining.keys()]);
  }

  get activeRequests(): number {
    return [...this.#living].reduce((sum, chain) => sum + chain.activeRequests, 0);
  }

  /** Binds its addresses. Rejects with the operating system's error; then nothing stays bound. */
  async start(): Promise<void> {
    const { addresses, bindToPort } = this.#description;
    if (!bindToPort) return;
    try {
      for (const [n, { host }] of addresses.entries()) {
        if (!isPipe(host)) this.#bound.push({ server: await this.#bind(n), pipe: null });
        else if (this.#context.listensAtPipes) this.#bound.push({ server: await this.#bindPipe(n), pipe: host });
      }
    } catch (error) {
      this.#stopAccepting();
      throw error;
    }
    for (const { server } of this.#bound) {
      server.on('error', (error) =>
        this.#context.log.error({ listener: this.#description.name, err: error }, 'accepting failed'),
      );
    }
  }

  /** With several threads each has a socket of its own on the port, and the system spreads connections over them. */
  async #bind(n: number): Promise<Server> {
    const { name, addresses, backlog, reusePort, ipv4Compat } = this.#description;
    const { choosePort } = this.#context;
    const { host, port } = addresses[n] as SocketAddress;
    const options = { host, port, backlog, reusePort: reusePort || choosePort !== undefined, ipv4Compat };
    if (port === 0 && choosePort !== undefined) options.port = await choosePort(name, n, host);
    return listen(options, (socket) => this.#onConnection(socket, null));
  }

  #bindPipe(n: number): Promise<Server> {
    const { addresses, backlog } = this.#description;
    const { host, mode } = addresses[n] as ListenAddress;
    return listenAtPipe({ host, mode, backlog }, (socket) => this.#onConnection(socket, host));
  }

  /** Takes a new description with the same addresses. */
  update(description: ListenerDescription): void {
    const before = this.chains;
    const mayKeep = isSameToChains(this.#description, description);
    const keep = (wanted: FilterChain) =>
      (mayKeep ? before.find((chain) => chain.description.digest === wanted.digest) : undefined) ??
      this.#context.makeChain(wanted, description);
    this.#chains = description.chains.map(keep);
    this.#defaultChain = description.defaultChain === null ? null : keep(description.defaultChain);
    this.#description = description;
    this.#gate = this.#context.gates.of(description.name, description);
    this.#proxyStats = this.#context.proxyStats(description.proxyProtocol);
    this.#tellNeighbours();
    this.#httpStats = description.inspectHttp ? this.#context.httpStats() : null;
    const kept = new Set(this.chains);
    for (const chain of before) if (!kept.has(chain)) this.#retire(chain);
  }

  /** Drains the chain, and lets it go when nothing is under way any more. */
  #retire(chain: Chain): void {
    chain.drain();
    if (!this.#draining.has(chain)) this.#letGoWhenIdle(chain);
  }

  #letGoWhenIdle(chain: Chain): void {
    const { description } = chain;
    // Nobody can be told to leave a tunnel: it has the time of a drain, and then ends.
    const waits = description.kind === 'http';
    const wait = waits ? description.http.drainTimeoutMs : this.#context.drainTimeMs;
    const timer = this.#context.clock.after(wait, () => {
      if (waits && chain.activeRequests > 0) {
        chain.drain();
        this.#letGoWhenIdle(chain);
        return;
      }
      this.#draining.delete(chain);
      chain.destroy();
      if (this.#draining.size === 0) this.#onDrained();
    });
    this.#draining.set(chain, timer);
  }

  /** Chains that drain as well: the clusters of their old routes may go before their connections do. */
  useRoutes(routes: ReadonlyMap<string, RouteConfiguration>): void {
    for (const chain of this.#living) {
      const { description } = chain;
      if (description.kind !== 'http' || description.http.routes.kind !== 'rds') continue;
      chain.useRoutes(routes.get(description.http.routes.name) ?? null);
    }
  }

  /** Gives every chain the secrets it names. A chain whose material does not fit keeps what it has. */
  useSecrets(secrets: ReadonlyMap<string, Secret>): void {
    for (const chain of this.chains) {
      const { tls } = chain.description;
      if (tls === null) continue;
      const material = resolveTls(tls, secrets, chain.material);
      if (material === null) continue;
      try {
        chain.useTls(material);
      } catch (error) {
        this.#context.log.error(
          { listener: this.#description.name, err: error },
          'a TLS context could not be made; the last one stays',
        );
      }
    }
  }

  /** `pipe`: the Unix socket that it came by; null: by TCP. */
  #onConnection(socket: Socket, pipe: string | null): void {
    arrivals.onArrival();
    const gate = this.#gate;
    const limit = gate.enter();
    if (limit !== null) {
      this.#refuse(socket, limit);
      return;
    }
    const { stats } = this.#context;
    stats.downstream_cx_total++;
    stats.downstream_cx_active++;
    const started = this.#context.clock.now();
    socket.once('close', () => {
      gate.leave();
      stats.downstream_cx_active--;
      stats.downstream_cx_destroy++;
      stats.downstream_cx_length_ms.record(this.#context.clock.now() - started);
    });
    // Until a codec reads it, an error of the socket has no other listener.
    socket.on('error', () => socket.destroy());
    const { inspectTls, inspectHttp, proxyProtocol } = this.#description;
    if (inspectTls || inspectHttp || proxyProtocol !== null) this.#inspect(socket, pipe);
    else this.#assign(socket, NOTHING_FOUND, pipe);
  }

  /** One connection too many: it ends before a byte of it is read. */
  #refuse(socket: Socket, limit: LimitName): void {
    const { stats } = this.#context;
    if (limit === 'of-listener') stats.downstream_cx_overflow++;
    else stats.downstream_global_cx_overflow++;
    if (limit === 'by-descriptors') this.#tellDescriptors();
    socket.on('error', () => socket.destroy());
    socket.destroy();
  }

  #tellDescriptors(): void {
    const limit = this.#context.gates.toTell();
    if (limit === null) return;
    this.#context.log.error(
      { connections: limit.most, open_files: limit.openFiles },
      'connections of clients are refused: the process may not open more files; raise its limit (`ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of a container)',
    );
  }

  #inspect(socket: Socket, pipe: string | null): void {
    const { stats, clock } = this.#context;
    if (this.#undecided >= MOST_UNDECIDED) {
      stats.downstream_listener_filter_error++;
      socket.destroy();
      return;
    }
    this.#undecided++;
    stats.downstream_pre_cx_active++;
    const { inspectTls, proxyProtocol, listenerFiltersTimeoutMs } = this.#description;
    const wanted = { inspectTls, proxyProtocol, stats: this.#proxyStats, httpStats: this.#httpStats };
    new ListenerFilters(socket, wanted, listenerFiltersTimeoutMs, clock, this.#listenerFiltersOf(socket, pipe));
  }

  #listenerFiltersOf(socket: Socket, pipe: string | null): ListenerFiltersHandler {
    const { stats } = this.#context;
    const { continueOnListenerFiltersTimeout } = this.#description;
    const decided = () => {
      this.#undecided--;
      stats.downstream_pre_cx_active--;
    };
    return {
      onFound: (found) => {
        decided();
        this.#assign(socket, found, pipe);
      },
      onRefused: () => {
        decided();
        // Bytes that nobody wants to see: an abort, as Envoy has it.
        abortConnection(socket);
      },
      onTimeout: (found) => {
        decided();
        stats.downstream_pre_cx_timeout++;
        if (continueOnListenerFiltersTimeout) this.#assign(socket, found, pipe);
        else socket.destroy();
      },
      onGone: () => {
        decided();
        stats.downstream_listener_filter_remote_close++;
        socket.destroy();
      },
    };
  }

  #assign(socket: Socket, { proxied, tls, http }: Found, pipe: string | null): void {
    const direct = pipe ?? plainAddress(socket.remoteAddress);
    const traits: ConnectionTraits = {
      destinationAddress: proxied?.destination.host ?? pipe ?? plainAddress(socket.localAddress),
      destinationPort: proxied?.destination.port ?? socket.localPort ?? 0,
      serverName: tls?.serverName ?? '',
      transportProtocol: tls === null ? 'raw_buffer' : 'tls',
      applicationProtocols: tls?.alpn ?? (http === null ? [] : [http]),
      directSourceAddress: direct,
      sourceAddress: proxied?.source.host ?? direct,
      sourcePort: proxied?.source.port ?? socket.remotePort ?? 0,
    };
    const description = chooseChain(
      this.#chains.map((chain) => ({ match: chain.description.match, chain })),
      traits,
    );
    const chain = description?.chain ?? this.#defaultChain;
    if (chain === null) {
      this.#context.stats.no_filter_chain_match++;
      socket.destroy();
      return;
    }
    chain.accept(socket, { serverName: tls === null || tls.serverName === '' ? null : tls.serverName, proxied, pipe });
  }

  #stopAccepting(): void {
    for (const { server } of this.#bound) server.close();
    this.#bound = [];
  }

  /** No further connections; those open drain. `onDrained` when the last of them is gone. */
  stop(onDrained: () => void = () => {}): void {
    this.#stopAccepting();
    this.#onDrained = onDrained;
    for (const chain of this.chains) this.#retire(chain);
    if (this.#draining.size === 0) onDrained();
  }

  /** Goes on accepting, but every answer asks for the connection to be closed. */
  drain(): void {
    for (const chain of this.chains) chain.drain();
  }

  destroy(): void {
    this.#stopAccepting();
    for (const chain of this.#living) chain.destroy();
    for (const timer of this.#draining.values()) timer.cancel();
    this.#draining.clear();
  }

  get label(): string {
    const [first] = this.#description.addresses;
    return (
      this.#description.statPrefix ?? (first === undefined ? this.#description.name : hostPort(first.host, first.port))
    );
  }
}

/** Whether a chain that is itself unchanged would be made the same for either. */
function isSameToChains(a: ListenerDescription, b: ListenerDescription): boolean {
  return a.statPrefix === b.statPrefix && a.bufferLimit === b.bufferLimit && a.inspectTls === b.inspectTls;
}
