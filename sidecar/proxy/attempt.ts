// One attempt: a host, a place in its pool, a stream, and what came back. It holds places in the circuit
// breaker and in the host's counts, and gives each back exactly once, however it ends.

import type { Timer } from '../../core/clock.ts';
import { FAILURE, FLAG, ProxyError } from '../errors.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../http/head.ts';
import type { HttpStream, Piece, StreamReader } from '../http/stream.ts';
import type { Host } from '../upstream/host.ts';
import type { PooledConnection } from '../upstream/pooled-connection.ts';
import type { Pool, PoolWaiter } from '../upstream/pool.ts';
import type { AttemptTrace } from '../telemetry/tracing.ts';
import type { Forward } from './forward.ts';
import { HeaderAccessOf } from './header-access.ts';
import { isTransportFailure } from './reply.ts';

export class Attempt implements PoolWaiter, StreamReader<ResponseHead> {
  /** Something of the request was handed to a connection. */
  started = false;
  #stream: HttpStream<RequestHead> | null = null;
  #stopWaiting: (() => void) | null = null;
  #holding = false;
  #over = false;
  #answered = false;
  #tunnel = false;
  /** The upstream's side of a tunnel is over. */
  #tunnelAnswered = false;
  #paused = false;
  #tryTimer: Timer | null = null;
  #idleTimer: Timer | null = null;
  #durationTimer: Timer | null = null;
  readonly #forward: Forward;
  readonly #host: Host;
  readonly #head: RequestHead;
  readonly #trace: AttemptTrace | null;

  constructor(forward: Forward, host: Host, head: RequestHead) {
    this.#forward = forward;
    this.#host = host;
    this.#head = head;
    const { trace } = forward.plan;
    this.#trace =
      trace === null ? null : trace.attempt(new HeaderAccessOf(head.headers), forward.exchange.attemptCount);
  }

  get open(): boolean {
    return this.#stream !== null;
  }

  start(fresh: boolean): void {
    const { cluster, action } = this.#forward.plan;
    const pool =
      this.#head.upgrade === null ? cluster.pool(this.#host, action.priority, this.#head.version) : this.#tunnelPool();
    const stop = pool.take(this, fresh);
    if (!this.#over && this.#stream === null) this.#stopWaiting = stop;
  }

  #tunnelPool(): Pool {
    const { cluster, action, terminatesConnect } = this.#forward.plan;
    if (terminatesConnect) return cluster.rawPool(this.#host, action.priority);
    if (this.#forward.overHttp1) return cluster.http1Pool(this.#host, action.priority);
    return cluster.pool(this.#host, action.priority, this.#head.version);
  }

  onReady(connection: PooledConnection): void {
    this.#stopWaiting = null;
    const { cluster, action } = this.#forward.plan;
    const breaker = cluster.breaker(action.priority);
    if (!breaker.mayRequest) {
      cluster.stats.upstream_rq_active_overflow++;
      connection.giveBack();
      this.onFailed(new ProxyError(FAILURE.overflow));
      return;
    }
    breaker.requests++;
    this.#holding = true;
    cluster.stats.upstream_rq_total++;
    cluster.stats.upstream_rq_active++;
    this.#host.stats.rq_total++;
    this.#host.stats.rq_active++;
    this.#open(connection);
  }

  #open(connection: PooledConnection): void {
    const x = this.#forward.exchange;
    const { body, clock } = this.#forward;
    const { cluster } = this.#forward.plan;
    x.upstreamLocal = connection.local;
    x.upstreamTls = connection.tls;
    x.upstreamConnectionId = connection.id;
    x.upstreamVersion = connection.version;
    x.upstreamTxStartMs = clock.turn();
    this.started = true;
    cluster.reportConnected(this.#host);
    const stream = connection.open(this);
    this.#stream = stream;
    x.upstreamWire = stream.wire;
    if (body.ended) this.requestComplete();
    const pieces = body.take();
    const bare = body.ended && pieces.length === 0 && body.trailers === null;
    stream.sendHead(this.#head, bare && this.#head.upgrade === null);
    this.#replay(stream, pieces);
    if (this.#stream !== null) this.#forward.onUpstreamDrain();
    this.#limitDuration();
  }

  #limitDuration(): void {
    const longest = this.#forward.plan.cluster.description.http.maxStreamDurationMs;
    if (longest === 0 || this.#over) return;
    this.#durationTimer = this.#forward.clock.after(longest, () => {
      this.#forward.plan.cluster.stats.upstream_rq_max_duration_reached++;
      this.#forward.onTryTimeout(this, new ProxyError(FAILURE.upstreamMaxStreamDuration));
    });
  }

  /** Sends what of the body came before the connection was open. */
  #replay(stream: HttpStream<RequestHead>, pieces: readonly Piece[]): void {
    const { body } = this.#forward;
    pieces.forEach((piece, i) => {
      stream.sendData(piece, body.ended && body.trailers === null && i === pieces.length - 1);
      this.#forward.exchange.upstreamBytesSent += piece.length;
    });
    if (body.trailers !== null) stream.sendTrailers(body.trailers);
  }

  sendData(chunk: Piece, end: boolean): boolean {
    this.#touchIdle();
    this.#forward.exchange.upstreamBytesSent += chunk.length;
    const more = this.#stream?.sendData(chunk, end) ?? true;
    if (end && this.#tunnelAnswered) this.#finish();
    return more;
  }

  sendTrailers(trailers: HeaderList): void {
    this.#stream?.sendTrailers(trailers);
  }

  /** The request is whole and open: the try's own time starts. */
  requestComplete(): void {
    if (this.#stream === null) return;
    const { timeouts } = this.#forward.plan;
    const { clock } = this.#forward;
    this.#forward.exchange.upstreamTxEndMs = clock.turn();
    if (this.#tryTimer !== null) return;
    if (timeouts.perTryMs > 0) {
      this.#tryTimer = clock.deadline(timeouts.perTryMs, () => {
        this.#forward.plan.cluster.stats.upstream_rq_per_try_timeout++;
        this.#forward.onTryTimeout(this, new ProxyError(FAILURE.perTryTimeout));
      });
    }
    if (timeouts.perTryIdleMs > 0 && this.#idleTimer === null) {
      this.#idleTimer = clock.deadline(timeouts.perTryIdleMs, () => {
        this.#forward.plan.cluster.stats.upstream_rq_per_try_idle_timeout++;
        this.#forward.onTryTimeout(this, new ProxyError(FAILURE.perTryIdleTimeout));
      });
    }
  }

  #touchIdle(): void {
    this.#idleTimer?.refresh();
  }

  // What the codec says.

  onHead(head: ResponseHead, end: boolean, more: boolean): void {
    const x = this.#forward.exchange;
    if (head.status >= 200 || head.status === 101) {
      this.#answered = true;
      this.#tunnel = head.status === 101;
      x.upstreamRxStartMs = this.#forward.clock.turn();
      this.#forward.plan.cluster.reportAnswer(this.#host, head.status);
      if (head.status >= 500) this.#host.stats.rq_error++;
      else this.#host.stats.rq_success++;
    }
    this.#touchIdle();
    if (end) this.#finish();
    this.#forward.onHead(this, head, end, more);
  }

  onData(chunk: Piece, end: boolean): void {
    if (this.#over && !end) return;
    this.#forward.exchange.upstreamBytesReceived += chunk.length;
    this.#touchIdle();
    if (end) this.#answerEnded();
    this.#forward.onData(chunk, end);
  }

  /** Each side of a tunnel ends for itself. */
  #answerEnded(): void {
    if (this.#tunnel && !this.#forward.body.ended) this.#tunnelAnswered = true;
    else this.#finish();
  }

  onTrailers(trailers: HeaderList): void {
    this.#answerEnded();
    this.#forward.onTrailers(trailers);
  }

  onDrain(): void {
    this.#forward.onUpstreamDrain();
  }

  onReset(error: ProxyError): void {
    if (this.#over) return;
    if (error.row.flag === FLAG.UPE && error.row !== FAILURE.upgradeNotOffered)
      this.#forward.plan.cluster.stats.upstream_cx_protocol_error++;
    if (error.row.flag === FLAG.UR) this.#forward.plan.cluster.stats.upstream_rq_rx_reset++;
    // It has only said how it wants to be asked.
    if (error.row !== FAILURE.upgradeNotOffered) this.#countFailure();
    this.#finish();
    this.#forward.onFailed(this, error);
  }

  onFailed(error: ProxyError): void {
    if (this.#over) return;
    this.#stopWaiting = null;
    if (isTransportFailure(error)) this.#forward.exchange.upstreamFailureReason = error.context;
    if (error.row.flag === FLAG.UF || error.row === FAILURE.closedAtOnce) {
      this.#forward.plan.cluster.reportLocalFailure(
        this.#host,
        error.row === FAILURE.connectTimeout ? 'timeout' : 'failure',
      );
    }
    this.#finish();
    this.#forward.onFailed(this, error);
  }

  #countFailure(): void {
    if (this.#answered) return;
    this.#host.stats.rq_error++;
    this.#forward.plan.cluster.reportLocalFailure(this.#host, 'failure');
  }

  timedOut(): void {
    if (this.#over || !this.started) return;
    this.#host.stats.rq_timeout++;
    this.#forward.plan.cluster.reportLocalFailure(this.#host, 'timeout');
  }

  /** Not wanted any more: what is under way is reset. */
  cancel(error: ProxyError): void {
    if (this.#over) return;
    const stream = this.#stream;
    if (!this.started) this.#forward.plan.cluster.stats.upstream_rq_cancelled++;
    this.#finish();
    stream?.reset(error);
  }

  /** The answer was a reason to try again. `end`: it is complete, its connection may be used again. */
  abandon(end: boolean): void {
    const stream = this.#stream;
    this.#finish();
    if (!end) stream?.reset(new ProxyError(FAILURE.downstreamGone, { context: 'the request is tried again' }));
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    this.#tryTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#durationTimer?.cancel();
    this.#forward.exchange.upstreamRxEndMs = this.#forward.clock.turn();
    this.#trace?.end(this.#forward.exchange);
    if (!this.#holding) return;
    this.#holding = false;
    const { cluster, action } = this.#forward.plan;
    cluster.breaker(action.priority).requests--;
    cluster.stats.upstream_rq_active--;
    this.#host.stats.rq_active--;
  }

  pause(): void {
    if (this.#paused || this.#over) return;
    this.#paused = true;
    this.#forward.plan.cluster.stats.upstream_flow_control_paused_reading_total++;
    this.#stream?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#forward.plan.cluster.stats.upstream_flow_control_resumed_reading_total++;
    this.#stream?.resume();
  }
}
