// TCP in tests: bootstraps with a TCP proxy, and ends of connections that the test holds in its hand.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const TCP = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const FILE_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';

/** A network filter in YAML's flow style. `fields`: of the proxy, e.g. `cluster: a, idle_timeout: 1s`. */
export function tcpFilter(fields: string, log?: { readonly path: string; readonly format: string }): string {
  const logger =
    log === undefined
      ? ''
      : `, access_log: [{name: f, typed_config: {"@type": ${FILE_LOG}, path: "${log.path}", log_format: {text_format_source: {inline_string: "${log.format}\\n"}}}}]`;
  return `{name: tcp, typed_config: {"@type": ${TCP}, stat_prefix: p, ${fields}${logger}}}`;
}

/** A static cluster with hosts on loopback. */
export function tcpCluster(name: string, ports: readonly number[], more = 'connect_timeout: 1s'): string {
  const hosts = ports.map(
    (port) => `{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}`,
  );
  return `{name: ${name}, type: STATIC, ${more}, load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [${hosts.join(', ')}]}]}}`;
}

export interface TcpPieces {
  /** Each a filter chain in flow style without its braces, e.g. `filters: [...]`. */
  readonly chains: readonly string[];
  readonly clusters: readonly string[];
  /** Further fields of the listener, in flow style. */
  readonly listener?: string;
}

export function tcpBootstrap({ chains, clusters, listener = 'stat_prefix: main' }: TcpPieces): string {
  const list = (items: readonly string[]) => items.map((item) => `  - ${item}`).join('\n');
  return `static_resources:
  listeners:
  - {name: main, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, ${listener}, filter_chains: [${chains.map((chain) => `{${chain}}`).join(', ')}]}
  clusters:
${list(clusters)}
`;
}

/** One end of a connection, with what it has heard so far. */
export class Peer {
  readonly socket: Socket;
  readonly #pieces: Buffer[] = [];
  #wake: () => void = () => {};
  ended = false;
  reset = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#pieces.push(bytes);
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  get heard(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  async #until(what: () => boolean): Promise<void> {
    while (!what()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Resolves when this much was heard; what came is in `heard`, also where the connection is over before. */
  async hears(text: string): Promise<string> {
    await this.#until(() => this.heard.length >= text.length || this.socket.closed || this.ended);
    return this.heard;
  }

  async end(): Promise<void> {
    await this.#until(() => this.ended || this.socket.closed);
  }

  async gone(): Promise<this> {
    await this.#until(() => this.socket.closed);
    return this;
  }

  say(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }
}

/** A client; it stays open for half-closes until it ends itself. */
export async function dialTcp(port: number, localAddress?: string): Promise<Peer> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    allowHalfOpen: true,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const peer = new Peer(socket);
  await once(socket, 'connect');
  return peer;
}

export interface TcpOrigin {
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: number;
  /** The next connection that nobody asked for yet. */
  next(): Promise<Peer>;
  close(): Promise<void>;
}

/** `greet`: done with each connection at once; without it nothing is said by itself. */
export async function startTcpOrigin(greet: (peer: Peer) => void = () => {}): Promise<TcpOrigin> {
  const peers: Peer[] = [];
  const waiting: ((peer: Peer) => void)[] = [];
  const sockets = new Set<Socket>();
  let taken = 0;
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    taken++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const peer = new Peer(socket);
    greet(peer);
    const taker = waiting.shift();
    if (taker === undefined) peers.push(peer);
    else taker(peer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get taken() {
      return taken;
    },
    next: () => {
      const peer = peers.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A port on which nobody listens. */
export async function deadPort(): Promise<number> {
  const origin = await startTcpOrigin();
  await origin.close();
  return origin.port;
}
