// The life of one connection through a TCP proxy: a cluster, a host, a connection to it at once (the server may
// be the one that speaks first), then a tunnel until both have ended, somebody resets, or a timer runs out.
//
//   #try --> (no cluster, no place, no host: over)
//     |  <-- refused or too slow, while attempts are left
//     v
//   #tunnel --> over: places given back, timers gone, one log line

import type { Socket } from 'node:net';
import type { Timer } from '../../core/clock.ts';
import { abortConnection } from '../../core/connection-below.ts';
import { FAILURE, FLAG, type ProxyError } from '../errors.ts';
import { kept, letGo, markOverwritten } from '../http/slabs.ts';
import { type Incoming, OwnBytes } from '../net/dial.ts';
import { type PieceMemory, type Side, Tunnel, type TunnelEnd, type TunnelHandler } from '../net/tunnel.ts';
import type { ConnectionFacts, TlsFacts } from '../telemetry/facts.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Clusters } from '../upstream/clusters.ts';
import type { Host } from '../upstream/host.ts';
import type { TcpUpstream, TcpWaiter } from '../upstream/tcp-upstream.ts';
import { TcpExchange, type TcpLogMoment } from './tcp-exchange.ts';
import { pickCluster, type TcpProxy } from './tcp-proxy.ts';

const MEMORY: PieceMemory = { keep: kept, giveBack: letGo };

export class TcpConnection implements TcpWaiter, TunnelHandler {
  readonly #socket: Socket;
  readonly #tcp: TcpProxy;
  readonly #clusters: Clusters;
  readonly #onClose: () => void;
  readonly #x: TcpExchange;
  #cluster: Cluster | null = null;
  #upstream: TcpUpstream | null = null;
  #tunnel: Tunnel | null = null;
  #over = false;
  #movedMs: number;
  #idleTimer: Timer | null = null;
  #lifeTimer: Timer | null = null;
  #logTimer: Timer | null = null;

  constructor(socket: Socket, facts: ConnectionFacts, tcp: TcpProxy, clusters: Clusters, onClose: () => void) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#clusters = clusters;
    this.#onClose = onClose;
    const { clock, config, stats } = tcp;
    this.#movedMs = clock.turn();
    this.#x = new TcpExchange(facts, this.#movedMs, clock.turnWall());
    stats.downstream_cx_total++;
    socket.once('close', this.#onClientGone);
    if (config.maxConnectionDurationMs > 0)
      this.#lifeTimer = clock.deadline(config.maxConnectionDurationMs, () => this.#tooOld());
    if (config.accessLogIntervalMs > 0 && tcp.log !== null) this.#logLater();
  }

  /** Open connections hold up a drain until its time is over. */
  get busy(): boolean {
    return true;
  }

  /** Nobody can be told: a connection lives until its ends end it. */
  drain(): void {}

  start(): void {
    if (!this.#over) this.#try();
  }

  #try(): void {
    const cluster = this.#clusters.get(pickCluster(this.#tcp.config, () => this.#tcp.clock.random()));
    if (cluster === undefined) {
      this.#tcp.stats.downstream_cx_no_route++;
      this.#fail(FLAG.NC);
      return;
    }
    this.#cluster = cluster;
    this.#x.noteCluster(cluster);
    const host = this.#hostOf(cluster);
    if (host === null) return;
    this.#x.noteHost(host);
    const { direct, proxied = direct, local } = this.#x.connection;
    this.#upstream = cluster.tcpUpstream(host, this, { source: proxied, destination: local });
    this.#upstream.connect();
  }

  /** Null after a failure, in Envoy's order of looking. */
  #hostOf(cluster: Cluster): Host | null {
    const { stats } = cluster;
    if (!cluster.breaker('default').mayConnect) {
      stats.upstream_cx_overflow++;
      this.#fail(FLAG.UO);
      return null;
    }
    if (this.#x.attemptCount >= this.#tcp.config.maxConnectAttempts) {
      stats.upstream_cx_connect_attempts_exceeded++;
      this.#fail(FLAG.URX);
      return null;
    }
    const host = cluster.choose(null, 0);
    if (host !== null) return host;
    stats.upstream_cx_none_healthy++;
    this.#fail(FLAG.UH);
    return null;
  }

  // What the upstream says.

  onConnected(socket: Socket, incoming: Incoming, tls: TlsFacts | null): void {
    const { config, bufferLimit } = this.#tcp;
    const cluster = this.#cluster;
    const host = this.#upstream?.host;
    if (cluster === null || host === undefined) return;
    cluster.reportConnected(host);
    // Where causes are not told apart, a connection counts as a good answer.
    cluster.reportAnswer(host, 200);
    this.#x.upstreamLocal = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.#x.upstreamTls = tls;
    if (incoming.lent !== null) markOverwritten(incoming.lent);
    if (config.idleTimeoutMs > 0) {
      this.#movedMs = this.#tcp.clock.turn();
      this.#idleTimer = this.#tcp.clock.deadline(config.idleTimeoutMs, () => this.#lookIdle());
    }
    this.#socket.removeListener('close', this.#onClientGone);
    this.#tunnel = new Tunnel(
      {
        client: this.#socket,
        upstream: socket,
        fromClient: new OwnBytes(this.#socket),
        fromUpstream: incoming,
        memory: MEMORY,
        bufferLimit: Math.min(bufferLimit, cluster.description.bufferLimit),
      },
      this,
    );
    if (config.logOnConnected) this.#write('TcpUpstreamConnected');
  }

  onFailed(error: ProxyError): void {
    const { row } = error;
    this.#x.upstreamFailureReason = error.context || null;
    if (row === FAILURE.overflow) this.#fail(FLAG.UO);
    else if (row === FAILURE.closedAtOnce) this.#slammed();
    else {
      const kind = row === FAILURE.connectTimeout ? 'timeout' : 'failure';
      if (this.#upstream !== null) this.#cluster?.reportLocalFailure(this.#upstream.host, kind);
      this.#x.responseFlags |= FLAG.UF;
      this.#upstream = null;
      // A turn between attempts: what fails at once may not keep the thread from others.
      setImmediate(() => {
        if (!this.#over) this.#try();
      });
    }
  }

  /** The connection was there and reset before we knew. */
  #slammed(): void {
    this.#x.upstreamCloseType = 'RemoteReset';
    this.#x.downstreamCloseType = 'LocalReset';
    this.#x.responseFlags |= FLAG.UR;
    this.#finish('remote');
    abortConnection(this.#socket);
  }

  // What the tunnel says.

  onBytes(from: Side, bytes: number): void {
    this.#movedMs = this.#tcp.clock.turn();
    const { stats } = this.#tcp;
    const upstream = this.#cluster?.stats;
    if (from === 'client') {
      this.#x.bytesReceived += bytes;
      stats.downstream_cx_rx_bytes_total += bytes;
      if (upstream !== undefined) upstream.upstream_cx_tx_bytes_total += bytes;
    } else {
      this.#x.bytesSent += bytes;
      stats.downstream_cx_tx_bytes_total += bytes;
      if (upstream !== undefined) upstream.upstream_cx_rx_bytes_total += bytes;
    }
  }

  onPaused(reading: Side): void {
    const upstream = this.#cluster?.stats;
    if (reading === 'client') {
      this.#tcp.stats.downstream_flow_control_paused_reading_total++;
      if (upstream !== undefined) upstream.upstream_flow_control_backed_up_total++;
    } else if (upstream !== undefined) upstream.upstream_flow_control_paused_reading_total++;
  }

  onResumed(reading: Side): void {
    const upstream = this.#cluster?.stats;
    if (reading === 'client') {
      this.#tcp.stats.downstream_flow_control_resumed_reading_total++;
      if (upstream !== undefined) upstream.upstream_flow_control_drained_total++;
    } else if (upstream !== undefined) upstream.upstream_flow_control_resumed_reading_total++;
  }

  onOver({ by, reset }: TunnelEnd): void {
    if (reset && by === 'upstream') {
      this.#x.responseFlags |= FLAG.UR;
      this.#x.upstreamCloseType = 'RemoteReset';
      this.#x.downstreamCloseType = 'LocalReset';
    } else if (reset) this.#x.downstreamCloseType = 'RemoteReset';
    this.#finish(by === 'upstream' ? 'remote' : 'local');
  }

  // Ends.

  readonly #onClientGone = (): void => this.#finish('local');

  /** Without an upstream. */
  #fail(flag: number): void {
    this.#x.responseFlags |= flag;
    this.#x.localCloseReason = 'tcp_initialization_failure';
    this.#finish('local');
    this.#socket.destroy();
  }

  #tooOld(): void {
    this.#tcp.stats.max_downstream_connection_duration++;
    this.#x.responseFlags |= FLAG.DT;
    this.#x.localCloseReason = 'max_connection_duration_reached';
    this.destroy();
  }

  /** One timer, set again for what is left when it fires. */
  #lookIdle(): void {
    const { clock, config, stats } = this.#tcp;
    const left = this.#movedMs + config.idleTimeoutMs - clock.now();
    if (left > 1) {
      this.#idleTimer = clock.after(left, () => this.#lookIdle());
      return;
    }
    stats.idle_timeout++;
    this.#x.localCloseReason = 'tcp_session_idle_timeout';
    this.destroy();
  }

  #logLater(): void {
    this.#logTimer = this.#tcp.clock.after(this.#tcp.config.accessLogIntervalMs, () => {
      this.#write('TcpPeriodic');
      this.#logLater();
    });
  }

  destroy(): void {
    this.#finish('local');
    if (this.#tunnel !== null) this.#tunnel.destroy();
    else this.#socket.destroy();
  }

  #finish(by: 'local' | 'remote'): void {
    if (this.#over) return;
    this.#over = true;
    this.#idleTimer?.cancel();
    this.#lifeTimer?.cancel();
    this.#logTimer?.cancel();
    this.#upstream?.close(by);
    this.#write('TcpConnectionEnd');
    this.#onClose();
  }

  #write(moment: TcpLogMoment): void {
    const { log, clock } = this.#tcp;
    if (log === null) return;
    const x = this.#x;
    const { bytesReceived: received, bytesSent: sent } = x;
    x.accessLogType = moment;
    x.endMs = clock.turn();
    x.downstreamWire = { received, receivedFields: 0, sent, sentFields: 0 };
    if (x.upstreamLocal !== null) x.upstreamWire = { received: sent, receivedFields: 0, sent: received, sentFields: 0 };
    log(x);
  }
}
