// One connection from a client, of either version of HTTP: finds out which, counts it, and makes the Exchange of
// every request on it.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Exchange } from '../exchange.ts';
import { FirstBytes } from '../http/first-bytes.ts';
import { Http1Server } from '../http/h1/server.ts';
import type { Http1ServerOptions } from '../http/h1/server-options.ts';
import type { Flood } from '../http/h2/flood.ts';
import { type Http2ServerHandler, type Http2ServerOptions, Http2Server } from '../http/h2/server.ts';
import type { ResponseHead } from '../http/head.ts';
import type { ConnectionLimit, RequestReader, ServerCodec } from '../http/server.ts';
import type { HttpStream } from '../http/stream.ts';
import { WEBSOCKET } from '../http/websocket.ts';
import type { Hcm } from '../proxy/hcm.ts';
import { Serving } from '../proxy/serve.ts';
import { StreamTimers } from '../proxy/stream-timers.ts';
import type { HttpStats } from '../telemetry/cells/http.ts';
import type { ConnectionFacts } from '../telemetry/facts.ts';
import type { Clusters } from '../upstream/clusters.ts';

export interface HttpConnectionContext {
  readonly clusters: Clusters;
  /** The operator took this instance out of health checks: answers ask clients to go elsewhere. */
  readonly failing: () => boolean;
}

export class HttpConnection implements Http2ServerHandler {
  #busy = 0;
  #drained = false;
  #codec: ServerCodec;
  /** null: not known yet. */
  #version: 'http1' | 'http2' | null = null;
  /** Of requests that are over, for the next ones: their timers of idleness stay set. */
  readonly #timers: StreamTimers[] = [];
  readonly #facts: ConnectionFacts;
  readonly #hcm: Hcm;
  readonly #context: HttpConnectionContext;
  readonly #socket: Socket;
  readonly #onClosed: () => void;
  readonly #startedMs: number;

  constructor(socket: Socket, facts: ConnectionFacts, hcm: Hcm, context: HttpConnectionContext, onClosed: () => void) {
    this.#socket = socket;
    this.#facts = facts;
    this.#hcm = hcm;
    this.#context = context;
    this.#onClosed = onClosed;
    this.#startedMs = hcm.clock.now();
    const { stats } = hcm;
    stats.downstream_cx_total++;
    stats.downstream_cx_active++;
    if (facts.tls !== null) {
      stats.downstream_cx_ssl_total++;
      stats.downstream_cx_ssl_active++;
    }
    const version = knownVersion(socket, hcm);
    this.#codec = version === null ? this.#readFirstBytes() : this.#makeCodec(version);
  }

  get busy(): boolean {
    return this.#busy > 0;
  }

  #readFirstBytes(): ServerCodec {
    const { config, clock } = this.#hcm;
    return new FirstBytes(
      this.#socket,
      config,
      {
        onVersion: (version, bytes) => {
          this.#codec = this.#makeCodec(version);
          if (this.#drained) this.#codec.drain();
          this.#codec.accept(bytes);
        },
        onIdle: () => this.onLimit('idle'),
        onClose: (by) => this.onClose(by, false),
      },
      clock,
    );
  }

  #makeCodec(version: 'http1' | 'http2'): ServerCodec {
    const { stats, clock } = this.#hcm;
    this.#version = version;
    const secure = this.#facts.tls !== null;
    if (version === 'http1') {
      stats.downstream_cx_http1_total++;
      stats.downstream_cx_http1_active++;
      return new Http1Server(this.#socket, http1Options(this.#hcm, secure), this, clock);
    }
    stats.downstream_cx_http2_total++;
    stats.downstream_cx_http2_active++;
    return new Http2Server(this.#socket, http2Options(this.#hcm, secure), this, clock);
  }

  onStream(stream: HttpStream<ResponseHead>): RequestReader {
    const { clock, stats, http2 } = this.#hcm;
    const x = new Exchange(this.#facts, clock.turn(), clock.turnWall());
    this.#busy++;
    if (this.#version === 'http1') stats.downstream_rq_http1_total++;
    else {
      stats.downstream_rq_http2_total++;
      http2.streams_active++;
    }
    if (this.#context.failing()) this.#codec.retire();
    const timers = this.#timers.pop() ?? new StreamTimers(clock);
    return new Serving(x, this.#hcm, stream, this.#context.clusters, timers, this.#onOver);
  }

  readonly #onOver = (timers: StreamTimers) => {
    this.#busy--;
    if (this.#version === 'http2') this.#hcm.http2.streams_active--;
    this.#timers.push(timers);
  };

  onLimit(limit: ConnectionLimit): void {
    const { stats } = this.#hcm;
    if (limit === 'idle') stats.downstream_cx_idle_timeout++;
    else if (limit === 'duration') stats.downstream_cx_max_duration_reached++;
    else if (limit === 'requests') stats.downstream_cx_max_requests_reached++;
    else if (limit === 'delayed-close') stats.downstream_cx_delayed_close_timeout++;
    else if (limit === 'early-bytes') stats.downstream_flow_control_paused_reading_total++;
    else stats.downstream_flow_control_resumed_reading_total++;
  }

  onFlood(flood: Flood): void {
    this.#hcm.http2[flood]++;
  }

  onProtocolError(_reason: string): void {
    this.#hcm.stats.downstream_cx_protocol_error++;
    this.#hcm.http2.rx_messaging_error++;
  }

  onSilence(): void {
    this.#hcm.http2.keepalive_timeout++;
  }

  onRefusedStream(): void {
    this.#hcm.http2.stream_refused_errors++;
  }

  onClose(by: 'local' | 'remote', during: boolean): void {
    const { stats, clock } = this.#hcm;
    stats.downstream_cx_active--;
    if (this.#version === 'http1') stats.downstream_cx_http1_active--;
    else if (this.#version === 'http2') stats.downstream_cx_http2_active--;
    if (this.#facts.tls !== null) stats.downstream_cx_ssl_active--;
    countDestroyed(stats, by, during);
    if (this.#drained) stats.downstream_cx_drain_close++;
    stats.downstream_cx_length_ms.record(clock.now() - this.#startedMs);
    for (const timers of this.#timers) timers.close();
    this.#onClosed();
  }

  drain(): void {
    this.#drained = true;
    this.#codec.drain();
  }

  destroy(): void {
    this.#codec.destroy();
  }
}

/** By configuration or ALPN; null: the first bytes will tell. */
function knownVersion(socket: Socket, { config }: Hcm): 'http1' | 'http2' | null {
  if (config.codec !== 'auto') return config.codec;
  const { alpnProtocol } = socket as Partial<TLSSocket>;
  if (alpnProtocol === 'h2') return 'http2';
  return alpnProtocol === 'http/1.1' || alpnProtocol === 'http/1.0' ? 'http1' : null;
}

function countDestroyed(stats: HttpStats, by: 'local' | 'remote', during: boolean): void {
  stats.downstream_cx_destroy++;
  if (during) stats.downstream_cx_destroy_active_rq++;
  if (by === 'local') {
    stats.downstream_cx_destroy_local++;
    if (during) stats.downstream_cx_destroy_local_active_rq++;
  } else {
    stats.downstream_cx_destroy_remote++;
    if (during) stats.downstream_cx_destroy_remote_active_rq++;
  }
}

function http1Options({ config, codecStats }: Hcm, secure: boolean): Http1ServerOptions {
  return {
    scheme: secure ? 'https' : 'http',
    maxHeadersCount: config.maxHeadersCount,
    maxHeadersBytes: config.maxHeadersBytes,
    underscores: config.underscoresInHeaders,
    counts: codecStats,
    acceptHttp10: config.http1.acceptHttp10,
    customMethods: config.http1.customMethods,
    enableTrailers: config.http1.enableTrailers,
    headerCase: config.http1.headerCase,
    delayedCloseMs: config.delayedCloseTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    drainTimeoutMs: config.drainTimeoutMs,
    requestHeadersTimeoutMs: config.requestHeadersTimeoutMs,
    maxConnectionDurationMs: config.maxConnectionDurationMs,
    maxRequests: config.maxRequestsPerConnection,
  };
}

/** A stream of which the client takes nothing for so long is reset (robustness.md X12). */
const WRITE_STALL_MS = 30_000;

/** Extended CONNECT is announced where it was asked for, and where a WebSocket is let through. */
function offersConnect({ config, routes }: Hcm): boolean {
  if (config.http2.offersConnect || routes()?.takesWebSocket === true) return true;
  return config.upgrades.some(({ type, enabled }) => enabled && type === WEBSOCKET);
}

function http2Options(hcm: Hcm, secure: boolean): Http2ServerOptions {
  const { config, http2 } = hcm;
  return {
    ...config.http2,
    offersConnect: offersConnect(hcm),
    scheme: secure ? 'https' : 'http',
    maxHeadersCount: config.maxHeadersCount,
    maxHeadersBytes: config.maxHeadersBytes,
    underscores: config.underscoresInHeaders,
    counts: http2,
    idleTimeoutMs: config.idleTimeoutMs,
    drainTimeoutMs: config.drainTimeoutMs,
    maxConnectionDurationMs: config.maxConnectionDurationMs,
    maxRequests: config.maxRequestsPerConnection,
    writeStallMs: WRITE_STALL_MS,
  };
}
