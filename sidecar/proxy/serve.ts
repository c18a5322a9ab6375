// The life of a request, top to bottom: read the head, say who the client is, match, filter, forward,
// answer, finish. One Serving per request; it is what the server codec reads into, and where the answer
// of an upstream comes back to.

import { FAILURE, FLAG, ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { type LocalReply, runData, runRequest, runResponse, runTrailers, type Verdict } from '../filters/filter.ts';
import type { FilterChain } from '../filters/filter.ts';
import { held } from '../http/held.ts';
import { type HeaderList, removeField, type RequestHead, type ResponseHead } from '../http/head.ts';
import type { Fault, RequestReader } from '../http/server.ts';
import type { HttpStream, Piece } from '../http/stream.ts';
import { WEBSOCKET } from '../http/websocket.ts';
import type { ForwardAction } from '../model/route.ts';
import type { RequestTrace } from '../telemetry/tracing.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { admit, findRoute, hasRoute } from './admit.ts';
import { finish } from './finish.ts';
import { type AnswerSink, Forward } from './forward.ts';
import type { Hcm } from './hcm.ts';
import { followedRequest } from './internal-redirect.ts';
import { mirrorRequest, type Mirror } from './mirror.ts';
import { type Mutations, NOTHING } from './mutate.ts';
import { ownLocation, redirectLocation } from './redirect.ts';
import { rewritePath } from './rewrite.ts';
import { faultReply, replyOf, upstreamFailureReply } from './reply.ts';
import { answerHead, localReplyHead } from './respond.ts';
import type { CompiledRoute } from './route-table.ts';
import { planForward, type Target } from './plan.ts';
import type { StreamTimers, TimedStream } from './stream-timers.ts';

const NO_FILTERS: FilterChain = {
  onRequest: null,
  onRequestData: null,
  onResponse: null,
  onResponseData: null,
  onResponseTrailers: null,
  onEnd: null,
};
const NO_MIRRORS: readonly Mirror[] = [];
const EMPTY = Buffer.alloc(0);
/** A followed redirect would lead nowhere: the name of its counter. */
const NO_ROUTE = 'passthrough_internal_redirect_no_route';

export class Serving implements RequestReader, AnswerSink, TimedStream {
  readonly x: Exchange;
  readonly hcm: Hcm;
  readonly clusters: Clusters;
  readonly timers: StreamTimers;
  route: CompiledRoute | null = null;
  filters: FilterChain = NO_FILTERS;
  mutations: Mutations = NOTHING;
  target: Target | null = null;
  trace: RequestTrace | null = null;
  /** The virtual host takes this request over TLS only. */
  toTls = false;
  /** The cluster that answers are counted for, once one was found. */
  answeredBy: Forward | null = null;
  #forward: Forward | null = null;
  #mirrors: readonly Mirror[] = NO_MIRRORS;
  #requestEnded = false;
  #answering = false;
  #over = false;
  #waitingForFilter = false;
  #continueSent = false;
  #upgraded = false;
  /** The upstream has said all that it has to say through a tunnel; the client has not. */
  #tunnelAnswered = false;
  /** What took this one's place, after a redirect was followed. */
  #next: Serving | null = null;
  #redirects = 0;
  readonly #stream: HttpStream<ResponseHead>;
  readonly #onOver: (timers: StreamTimers) => void;

  constructor(
    x: Exchange,
    hcm: Hcm,
    stream: HttpStream<ResponseHead>,
    clusters: Clusters,
    timers: StreamTimers,
    onOver: (timers: StreamTimers) => void,
  ) {
    this.x = x;
    this.hcm = hcm;
    this.#stream = stream;
    x.downstreamWire = stream.wire;
    this.clusters = clusters;
    this.timers = timers;
    this.#onOver = onOver;
    const { stats, config } = hcm;
    stats.downstream_rq_total++;
    stats.downstream_rq_active++;
    timers.start(this, config.streamIdleTimeoutMs, config.requestTimeoutMs);
    if (config.maxStreamDurationMs > 0) timers.limitDuration(config.maxStreamDurationMs);
  }

  // The request.

  onHead(head: RequestHead, end: boolean): void {
    const { x, hcm } = this;
    x.request = head;
    x.hasRequest = true;
    this.timers.touch();
    if (end) this.#requestDone();
    const refused = held.full ? this.#overloaded() : admit(this, head);
    if (refused !== null) {
      this.reply(refused);
      return;
    }
    if (head.expectsContinue && !hcm.config.proxy100Continue) this.#sayContinue();
    const verdict = runRequest(this.filters, x);
    if (!(verdict instanceof Promise)) {
      this.#proceed(verdict, end);
      return;
    }
    this.#waitingForFilter = true;
    this.#stream.pause();
    verdict.then(
      (said) => this.#afterFilter(said, end),
      (error: unknown) => this.#filterFailed(error),
    );
  }

  /** Before anything is done for it: what is under way shall end first. */
  #overloaded(): Verdict {
    this.hcm.stats.downstream_rq_overload_close++;
    return replyOf(FAILURE.overload);
  }

  #sayContinue(): void {
    this.#continueSent = true;
    const { request } = this.x;
    for (let i = request.headers.length - 2; i >= 0; i -= 2) {
      if (request.headers[i] === 'expect') request.headers.splice(i, 2);
    }
    this.x.request = { ...request, expectsContinue: false };
    this.#stream.sendHead({ status: 100, headers: [], version: 11, wireBytes: 0 }, false);
  }

  #afterFilter(verdict: Verdict, end: boolean): void {
    if (this.#over) return;
    this.#waitingForFilter = false;
    this.#proceed(verdict, end);
    if (!this.#over) this.#stream.resume();
  }

  #filterFailed(error: unknown): void {
    if (this.#over) return;
    this.x.upstreamFailureReason = error instanceof Error ? error.message : String(error);
    this.reply(replyOf(FAILURE.internal));
  }

  #proceed(verdict: Verdict, end: boolean): void {
    if (verdict !== null) {
      this.reply(verdict);
      return;
    }
    const { route, hcm } = this;
    // Without a router nobody answers: Envoy takes such a chain, and the request waits for its time to end.
    if (hcm.router === null) return;
    hcm.stats.rq_total++;
    if (this.toTls) {
      const { authority, path } = this.x.request;
      this.#directReply(301, '', `https://${authority}${path}`);
      return;
    }
    if (route === null) {
      hcm.stats.no_route++;
      this.reply(replyOf(FAILURE.routeNotFound));
      return;
    }
    const { action, match } = route.route;
    if (action.kind === 'forward') this.#startForward(route, action, end);
    else if (action.kind === 'redirect') {
      if (action.path?.kind !== 'replace') rewritePath(this.x.request, match, action.path, true);
      this.#directReply(action.status, '', redirectLocation(this.x.request, action));
    } else if (action.kind === 'direct') {
      this.#directReply(action.status, action.body.toString('latin1'), ownLocation(this.x.request, action.status));
    } else {
      this.reply(replyOf(FAILURE.clusterNotFound));
    }
  }

  #directReply(status: number, body: string, location: string | null): void {
    this.hcm.stats.rq_direct_response++;
    const headers = location === null ? [] : ['location', location];
    this.reply({ status, body, details: 'direct_response', flag: 0, headers }, true);
  }

  #startForward(route: CompiledRoute, action: ForwardAction, end: boolean): void {
    const { x, hcm } = this;
    x.attemptCount = 1;
    const plan = planForward(this, route, action, this.clusters);
    if ('status' in plan) {
      this.reply(plan);
      return;
    }
    this.#mirrors = mirrorRequest(x, route, this.clusters, hcm, end);
    this.#forward = new Forward(x, plan, this, hcm.clock);
    this.answeredBy = this.#forward;
    this.#forward.start(end && x.request.upgrade === null);
  }

  onData(chunk: Piece, end: boolean): void {
    if (this.#over) return;
    this.timers.touch();
    this.x.bytesReceived += chunk.length;
    if (end) this.#requestDone();
    this.#sendBody(chunk, end);
    if (end && this.#tunnelAnswered) this.#answered();
  }

  #sendBody(chunk: Piece, end: boolean): void {
    const { onRequestData } = this.filters;
    const piece = onRequestData === null ? chunk : (runData(onRequestData, this.x, chunk, end) ?? EMPTY);
    if (typeof piece === 'object' && 'status' in piece) {
      this.#forward?.cancel(new ProxyError(FAILURE.downstreamProtocol, { context: piece.details }));
      this.reply(piece);
      return;
    }
    for (const mirror of this.#mirrors) mirror.sendData(piece, end);
    this.#forward?.sendData(piece, end);
  }

  onTrailers(trailers: HeaderList): void {
    if (this.#over) return;
    this.timers.touch();
    this.#requestDone();
    for (const mirror of this.#mirrors) mirror.sendData(EMPTY, true);
    this.#forward?.sendTrailers(trailers);
  }

  #requestDone(): void {
    this.#requestEnded = true;
    this.x.requestEndMs = this.hcm.clock.turn();
    this.timers.requestDone();
  }

  onDrain(): void {
    this.#next?.onDrain();
    if (this.#over) return;
    this.timers.touch();
    this.#forward?.resumeAnswer();
  }

  /** The request cannot be read to its end. */
  onFault(fault: Fault): void {
    this.#next?.onFault(fault);
    if (this.#over) return;
    const { stats } = this.hcm;
    const flag = fault.protocolError ? FLAG.DPE : 0;
    if (fault.protocolError) stats.downstream_cx_protocol_error++;
    if (fault.details === FAILURE.requestHeadersTimeout.details) stats.downstream_rq_header_timeout++;
    if (this.#forward !== null) {
      stats.downstream_rq_response_before_rq_complete++;
      stats.downstream_rq_rx_reset++;
      this.answeredBy = null;
    }
    if (this.#answering) {
      this.x.fail(flag, fault.details);
      this.#abort(new ProxyError(FAILURE.downstreamProtocol, { context: fault.reason }));
      return;
    }
    this.#forward?.cancel(new ProxyError(FAILURE.downstreamProtocol, { context: fault.reason }));
    this.reply(faultReply(fault, flag));
  }

  /** The client is gone. */
  onReset(error: ProxyError): void {
    this.#next?.onReset(error);
    if (this.#over) return;
    this.x.fail(error.row.flag, error.row.details);
    this.hcm.stats.downstream_rq_rx_reset++;
    this.#forward?.cancel(error);
    this.#finish();
  }

  // The answer.

  onUpstreamHead(head: ResponseHead, end: boolean, more: boolean): void {
    if (this.#over) return;
    this.timers.touch();
    if (head.status < 200 && head.status !== 101) {
      this.#interim(head);
      return;
    }
    if (this.#follow(head, end)) return;
    const declined = declinesUpgrade(this.x.request, head);
    if (declined && this.x.request.version === 20) {
      this.#refuseSuccess();
      return;
    }
    this.x.response = head;
    answerHead(this, head, this.#requestEnded);
    if (declined) {
      this.#declineUpgrade(head, end);
      return;
    }
    const pending = runResponse(this.filters, this.x);
    if (pending instanceof Promise) this.#holdAnswer(pending, head, end);
    else this.#sendHead(head, end, more);
  }

  /** A success that is no switch: what follows has no meaning as a WebSocket, so the head is all of the answer. */
  #declineUpgrade(head: ResponseHead, end: boolean): void {
    this.x.responseCodeDetails = 'websocket_handshake_unsuccessful';
    removeField(head.headers, 'content-length');
    if (!end) this.#forward?.cancel(new ProxyError(FAILURE.downstreamGone));
    this.#sendHead(head, true, false);
  }

  /** Over HTTP/2 any success would be a switch. */
  #refuseSuccess(): void {
    const { status } = FAILURE.upstreamProtocol;
    this.#forward?.cancel(new ProxyError(FAILURE.downstreamGone));
    this.reply({ ...replyOf(FAILURE.upstreamProtocol), status, details: 'websocket_handshake_unsuccessful' });
  }

  /** Takes a redirect as a request of its own, where the route says so. true: the answer goes no further. */
  #follow(head: ResponseHead, end: boolean): boolean {
    const { x, hcm } = this;
    const forward = this.#forward;
    const policy = forward?.plan.action.internalRedirect;
    if (forward == null || policy == null || !policy.statuses.includes(head.status)) return false;
    const { stats } = forward.plan.cluster;
    const next =
      this.#requestEnded && forward.body.replayable ? followedRequest(x, head, policy, this.#redirects) : null;
    const why = typeof next === 'string' ? next : next !== null && !hasRoute(this, next.head) ? NO_ROUTE : null;
    if (next === null || typeof next === 'string' || why !== null) {
      if (why !== null) hcm.stats[why]++;
      stats.upstream_internal_redirect_failed_total++;
      return false;
    }
    stats.upstream_internal_redirect_succeeded_total++;
    x.response = head;
    x.responseCodeDetails = 'internal_redirect';
    x.request = next.head;
    const body = next.dropBody ? [] : forward.body.take();
    forward.release(end);
    this.#handOver(body);
    return true;
  }

  /** The redirected request is an exchange of its own, with its own filters and log line, on the same stream. */
  #handOver(body: readonly Piece[]): void {
    const { x, hcm } = this;
    this.timers.stop();
    const next = new Serving(
      x.successor(hcm.clock.turn(), hcm.clock.wall()),
      hcm,
      this.#stream,
      this.clusters,
      this.timers,
      this.#onOver,
    );
    this.#next = next;
    this.#over = true;
    finish(this);
    next.#takeOver(this.#redirects + 1, body);
  }

  #takeOver(redirects: number, body: readonly Piece[]): void {
    this.#redirects = redirects;
    this.#requestDone();
    const table = this.hcm.routes();
    if (table !== null) findRoute(this, this.x.request, table);
    const verdict = runRequest(this.filters, this.x);
    const proceed = (said: Verdict) => {
      if (this.#over) return;
      this.#proceed(said, body.length === 0);
      for (const [i, piece] of body.entries()) this.#sendBody(piece, i === body.length - 1);
    };
    if (!(verdict instanceof Promise)) proceed(verdict);
    else verdict.then(proceed, (error: unknown) => this.#filterFailed(error));
  }

  #holdAnswer(pending: Promise<void>, head: ResponseHead, end: boolean): void {
    this.#forward?.pauseAnswer();
    pending.then(
      () => {
        if (this.#over) return;
        this.#sendHead(head, end, false);
        this.#forward?.resumeAnswer();
      },
      (error: unknown) => this.#filterFailed(error),
    );
  }

  /** 100 is for the client that waits for it; other interim answers are not passed on (as Envoy). */
  #interim(head: ResponseHead): void {
    if (head.status !== 100 || this.#continueSent || !this.x.request.expectsContinue) return;
    this.#continueSent = true;
    this.#stream.sendHead(head, false);
  }

  #sendHead(head: ResponseHead, end: boolean, more: boolean): void {
    this.#answering = true;
    this.x.responseStartMs = this.hcm.clock.turn();
    if (head.status === 101) this.#countUpgrade();
    this.#stream.sendHead(head, end, more);
    if (end) this.#answered();
  }

  /** From here on there is no request that could be late. */
  #countUpgrade(): void {
    const { stats } = this.hcm;
    this.#upgraded = true;
    stats.downstream_cx_upgrades_total++;
    stats.downstream_cx_upgrades_active++;
    this.timers.requestDone();
  }

  onUpstreamData(chunk: Piece, end: boolean): void {
    if (this.#over) return;
    this.timers.touch();
    const { onResponseData } = this.filters;
    const piece = onResponseData === null ? chunk : (runData(onResponseData, this.x, chunk, end) ?? EMPTY);
    this.x.bytesSent += piece.length;
    const more = this.#stream.sendData(piece, end);
    if (end) this.#answerEnded();
    else if (!more) this.#forward?.pauseAnswer();
  }

  onUpstreamTrailers(trailers: HeaderList): void {
    if (this.#over) return;
    this.x.responseTrailers = trailers;
    const last = this.filters.onResponseTrailers === null ? null : runTrailers(this.filters, this.x, trailers);
    if (last === null) this.#stream.sendTrailers(trailers);
    else {
      this.x.bytesSent += last.length;
      this.#stream.sendData(last, true);
    }
    this.#answerEnded();
  }

  /** Each side of a tunnel ends for itself. */
  #answerEnded(): void {
    if (!this.#upgraded) this.#answered();
    else if (!this.#requestEnded) this.#tunnelAnswered = true;
    else {
      // Whoever ends an HTTP/1 connection first counts as one who left (as Envoy).
      if (this.x.request.version !== 20) this.x.fail(FAILURE.downstreamGone.flag, FAILURE.downstreamGone.details);
      this.#answered();
    }
  }

  onUpstreamDrain(): void {
    this.#stream.resume();
  }

  pauseRequest(): void {
    this.hcm.stats.downstream_flow_control_paused_reading_total++;
    this.#stream.pause();
  }

  resumeRequest(): void {
    if (this.#waitingForFilter) return;
    this.hcm.stats.downstream_flow_control_resumed_reading_total++;
    this.#stream.resume();
  }

  onUpstreamFailed(error: ProxyError): void {
    if (this.#over) return;
    const suppress = this.#forward?.plan.suppressEnvoyHeaders ?? false;
    const reply = upstreamFailureReply(error, this.x.attemptCount, suppress);
    if (this.route?.host.host.includeAttemptCountInResponse) {
      reply.headers.push('x-envoy-attempt-count', String(this.x.attemptCount));
    }
    if (!this.#answering) {
      this.reply(reply);
      return;
    }
    const details = reply.details.replace('before_response_started', 'after_response_started');
    this.x.fail(error.row.flag, details);
    this.#abort(error);
  }

  // Answers of our own.

  /** Header changes of a route that forwards apply to every answer, others' to their `direct` one. */
  reply(reply: LocalReply, direct = false): void {
    if (this.#over || this.#answering) return;
    const { x } = this;
    x.fail(reply.flag, reply.details);
    const changes = direct || this.route?.route.action.kind === 'forward' ? this.mutations.response : null;
    const { head, body } = localReplyHead(this, reply, changes);
    x.response = head;
    this.#answering = true;
    x.responseStartMs = this.hcm.clock.turn();
    if (body.length === 0 || x.request.method === 'HEAD') {
      this.#stream.sendHead(head, true);
    } else {
      this.#stream.sendHead(head, false, true);
      x.bytesSent += body.length;
      this.#stream.sendData(body, true);
    }
    this.#answered();
  }

  #abort(error: ProxyError): void {
    this.hcm.stats.downstream_rq_rx_reset++;
    this.hcm.stats.downstream_rq_tx_reset++;
    this.#stream.reset(error);
    this.#forward?.cancel(error);
    this.#finish();
  }

  #answered(): void {
    this.#forward?.complete();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.timers.stop();
    if (this.#upgraded) this.hcm.stats.downstream_cx_upgrades_active--;
    if (this.#mirrors.length > 0) for (const mirror of this.#mirrors) mirror.requestOver();
    finish(this);
    this.#onOver(this.timers);
  }

  // Limits of time.

  onIdle(): void {
    if (this.#over) return;
    this.hcm.stats.downstream_rq_idle_timeout++;
    const status = this.#requestEnded ? 504 : 408;
    this.#expire(FAILURE.streamIdle, status);
  }

  onRequestTimeout(): void {
    if (this.#over) return;
    this.hcm.stats.downstream_rq_timeout++;
    this.#expire(FAILURE.requestTimeout, FAILURE.requestTimeout.status);
  }

  onTooLong(): void {
    if (this.#over) return;
    this.hcm.stats.downstream_rq_max_duration_reached++;
    this.#expire(FAILURE.maxStreamDuration, FAILURE.maxStreamDuration.status);
  }

  #expire(
    row: typeof FAILURE.streamIdle | typeof FAILURE.requestTimeout | typeof FAILURE.maxStreamDuration,
    status: number,
  ): void {
    const error = new ProxyError(row);
    if (this.#answering) {
      this.x.fail(row.flag, row.details);
      this.#abort(error);
      return;
    }
    this.#forward?.cancel(error);
    const reply = { ...replyOf(row), status };
    this.reply(row === FAILURE.maxStreamDuration ? { ...reply, grpcStatus: row.grpc } : reply);
  }
}

/** A success that is no switch: what follows has no meaning as what was asked for. */
function declinesUpgrade({ upgrade, version }: RequestHead, { status }: ResponseHead): boolean {
  return upgrade !== null && status >= 200 && status < 300 && (upgrade === WEBSOCKET || version === 20);
}
