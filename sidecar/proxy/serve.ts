// The life of a request, top to bottom: read the head, say who the client is, match, filter, forward,
// answer, finish. One Serving per request; it is what the server codec reads into, and where the answer
// of an upstream comes back to.

import type { Timer } from '../../core/clock.ts';
import { FAILURE, FLAG, ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { type LocalReply, runData, runRequest, runResponse, type Verdict } from '../filters/filter.ts';
import type { FilterChain } from '../filters/filter.ts';
import { held } from '../http/held.ts';
import { type HeaderList, removeField, type RequestHead, type ResponseHead } from '../http/head.ts';
import type { RequestReader } from '../http/h1/server.ts';
import type { Fault } from '../http/h1/fault.ts';
import type { HttpStream, Piece } from '../http/stream.ts';
import type { ForwardAction } from '../model/route.ts';
import type { RequestTrace, Tracer } from '../telemetry/tracing.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { HeaderAccessOf } from './header-access.ts';
import { finish } from './finish.ts';
import { type AnswerSink, Forward } from './forward.ts';
import type { Hcm } from './hcm.ts';
import { admitRequest, passedTooOften } from './ingress.ts';
import { followedRequest } from './internal-redirect.ts';
import { matchHost, matchRoute, mustUseTls } from './match.ts';
import { mirrorRequest, type Mirror } from './mirror.ts';
import { type Mutations, NOTHING } from './mutate.ts';
import { canonicalHost, canonicalPath } from './path.ts';
import { ownLocation, redirectLocation } from './redirect.ts';
import { rewritePath } from './rewrite.ts';
import { replyOf, upstreamFailureReply } from './reply.ts';
import { answerHead, localReplyHead } from './respond.ts';
import type { CompiledRoute, RouteTable } from './route-table.ts';
import { longestDuration } from './timeouts.ts';
import { chooseTarget, noteCluster, planForward, type Target } from './plan.ts';

const NO_FILTERS: FilterChain = {
  onRequest: null,
  onRequestData: null,
  onResponse: null,
  onResponseData: null,
  onEnd: null,
};
const NO_MIRRORS: readonly Mirror[] = [];
const NO_HEADERS: readonly string[] = [];
const EMPTY = Buffer.alloc(0);

export class Serving implements RequestReader, AnswerSink {
  readonly x: Exchange;
  readonly hcm: Hcm;
  route: CompiledRoute | null = null;
  filters: FilterChain = NO_FILTERS;
  mutations: Mutations = NOTHING;
  target: Target | null = null;
  trace: RequestTrace | null = null;
  /** The cluster that answers are counted for, once one was found. */
  answeredBy: Forward | null = null;
  #forward: Forward | null = null;
  #mirrors: readonly Mirror[] = NO_MIRRORS;
  #requestEnded = false;
  #answering = false;
  #over = false;
  #waitingForFilter = false;
  #continueSent = false;
  /** The virtual host takes this request over TLS only. */
  #toTls = false;
  /** What took this one's place, after a redirect was followed. */
  #next: Serving | null = null;
  #redirects = 0;
  #idleMs: number;
  #touched = 0;
  #idleTimer: Timer | null = null;
  #requestTimer: Timer | null = null;
  #durationTimer: Timer | null = null;
  readonly #stream: HttpStream<ResponseHead>;
  readonly #clusters: Clusters;
  readonly #onOver: () => void;

  constructor(x: Exchange, hcm: Hcm, stream: HttpStream<ResponseHead>, clusters: Clusters, onOver: () => void) {
    this.x = x;
    this.hcm = hcm;
    this.#stream = stream;
    x.downstreamWire = stream.wire;
    this.#clusters = clusters;
    this.#onOver = onOver;
    this.#idleMs = hcm.config.streamIdleTimeoutMs;
    const { stats, config, clock } = hcm;
    stats.downstream_rq_total++;
    stats.downstream_rq_http1_total++;
    stats.downstream_rq_active++;
    if (config.requestTimeoutMs > 0) {
      this.#requestTimer = clock.deadline(config.requestTimeoutMs, () => this.#requestTimeout());
    }
    if (config.maxStreamDurationMs > 0) this.#limitDuration(config.maxStreamDurationMs);
    this.#armIdle();
  }

  // The request.

  onHead(head: RequestHead, end: boolean): void {
    const { x, hcm } = this;
    x.request = head;
    x.hasRequest = true;
    this.#touch();
    if (end) this.#requestDone();
    const refused = held.full ? this.#overloaded() : this.#admit(head);
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

  /** Checks the head, says who the client is, finds the route. An answer where it goes no further. */
  #admit(head: RequestHead): Verdict {
    const { hcm } = this;
    const { config } = hcm;
    if (head.version === 10 && head.authority === '') head.authority = config.http1.defaultHostForHttp10;
    if (head.authority === '') return replyOf(FAILURE.missingHost);
    if (head.path === '*') return replyOf(FAILURE.absoluteUrl);
    if (passedTooOften(head)) return replyOf(FAILURE.loopDetected);
    const path = canonicalPath(head.path, config);
    head.path = path.path;
    if (path.kind === 'reject') {
      hcm.stats.downstream_rq_failed_path_normalization++;
      return { ...replyOf(FAILURE.pathNormalization), close: true };
    }
    head.authority = canonicalHost(head.authority, this.x.connection.local.port, config);
    const table = hcm.routes();
    admitRequest(this.x, hcm, table === null ? NO_HEADERS : table.config.internalOnlyHeaders);
    if (path.kind === 'redirect') {
      hcm.stats.downstream_rq_redirected_with_normalized_path++;
      return { ...replyOf(FAILURE.pathNormalization), status: 307, headers: ['location', path.path] };
    }
    if (table !== null) this.#findRoute(head, table);
    if (hcm.tracer !== null) this.#startTrace(hcm.tracer, head);
    return head.upgrade !== null && !this.#mayUpgrade(head.upgrade) ? replyOf(FAILURE.upgradeFailed) : null;
  }

  #findRoute(head: RequestHead, table: RouteTable): void {
    const { hcm, x } = this;
    this.filters = table.filters;
    const host = matchHost(table, head.authority);
    if (host === null) return;
    x.virtualHostName = host.host.name;
    x.virtualHostData = host.host.metadata;
    if (mustUseTls(host.host.requireTls, x)) {
      this.#toTls = true;
      return;
    }
    const route = matchRoute(host, x, hcm.clock.random);
    if (route === null) return;
    this.route = route;
    this.filters = route.filters;
    this.mutations = route.mutations;
    x.routeName = route.route.name;
    x.routeData = route.route.metadata;
    const { action } = route.route;
    if (action.kind !== 'forward') return;
    this.#aim(route, action);
    if (action.idleTimeoutMs !== null) this.#setIdle(action.idleTimeoutMs);
    const longest = longestDuration(x.request, action);
    if (longest !== null) this.#limitDuration(longest);
  }

  #aim(route: CompiledRoute, action: ForwardAction): void {
    const { x, hcm } = this;
    const target = chooseTarget(x, action, hcm.clock.random);
    this.target = target;
    if (target.weighted !== null) this.mutations = route.weightedMutations[target.at] ?? route.mutations;
    const cluster = this.#clusters.get(target.name);
    if (cluster !== undefined) noteCluster(x, cluster);
  }

  #startTrace(tracer: Tracer, head: RequestHead): void {
    this.trace = tracer.start(new HeaderAccessOf(head.headers));
    this.x.traceId = this.trace.traceId;
    this.x.sampled = this.trace.sampled;
  }

  #mayUpgrade(type: string): boolean {
    const { action } = this.route?.route ?? { action: null };
    const onRoute = action?.kind === 'forward' ? action.upgrades.find((upgrade) => upgrade.type === type) : undefined;
    const here = onRoute ?? this.hcm.config.upgrades.find((upgrade) => upgrade.type === type);
    return here?.enabled === true;
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
    if (this.#toTls) {
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
    const plan = planForward(this, route, action, this.#clusters);
    if ('status' in plan) {
      this.reply(plan);
      return;
    }
    this.#mirrors = mirrorRequest(x, route, this.#clusters, hcm, end);
    this.#forward = new Forward(x, plan, this, hcm.clock);
    this.answeredBy = this.#forward;
    this.#forward.start(end && x.request.upgrade === null);
  }

  onData(chunk: Piece, end: boolean): void {
    if (this.#over) return;
    this.#touch();
    this.x.bytesReceived += chunk.length;
    if (end) this.#requestDone();
    this.#sendBody(chunk, end);
  }

  #sendBody(chunk: Piece, end: boolean): void {
    const piece =
      this.filters.onRequestData === null ? chunk : (runData(this.filters.onRequestData, this.x, chunk, end) ?? EMPTY);
    for (const mirror of this.#mirrors) mirror.sendData(piece, end);
    this.#forward?.sendData(piece, end);
  }

  onTrailers(trailers: HeaderList): void {
    if (this.#over) return;
    this.#touch();
    this.#requestDone();
    for (const mirror of this.#mirrors) mirror.sendData(EMPTY, true);
    this.#forward?.sendTrailers(trailers);
  }

  #requestDone(): void {
    this.#requestEnded = true;
    this.x.requestEndMs = this.hcm.clock.turn();
    this.#requestTimer?.cancel();
  }

  onDrain(): void {
    this.#next?.onDrain();
    if (this.#over) return;
    this.#touch();
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
    const body = fault.status === 408 ? 'request header timeout' : reasonText(fault.status);
    this.reply({ status: fault.status, body, details: fault.details, flag, headers: [] });
  }

  /** The client is gone. */
  onReset(error: ProxyError): void {
    this.#next?.onReset(error);
    if (this.#over) return;
    this.x.fail(FLAG.DC, FAILURE.downstreamGone.details);
    this.hcm.stats.downstream_rq_rx_reset++;
    this.#forward?.cancel(error);
    this.#finish();
  }

  // The answer.

  onUpstreamHead(head: ResponseHead, end: boolean, more: boolean): void {
    if (this.#over) return;
    this.#touch();
    if (head.status < 200 && head.status !== 101) {
      this.#interim(head);
      return;
    }
    if (this.#follow(head, end)) return;
    const declined = this.x.request.upgrade === 'websocket' && head.status >= 200 && head.status < 300;
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

  /** Takes a redirect as a request of its own, where the route says so. true: the answer goes no further. */
  #follow(head: ResponseHead, end: boolean): boolean {
    const { x, hcm } = this;
    const forward = this.#forward;
    const policy = forward?.plan.action.internalRedirect;
    if (forward == null || policy == null || !policy.statuses.includes(head.status)) return false;
    const { stats } = forward.plan.cluster;
    const next =
      this.#requestEnded && forward.body.replayable ? followedRequest(x, head, policy, this.#redirects) : null;
    if (next === null || typeof next === 'string' || !this.#hasRoute(next.head)) {
      if (typeof next === 'string') hcm.stats[next]++;
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

  #hasRoute(head: RequestHead): boolean {
    const { x, hcm } = this;
    const table = hcm.routes();
    const host = table === null ? null : matchHost(table, head.authority);
    const before = x.request;
    x.request = head;
    const found = host !== null && matchRoute(host, x, hcm.clock.random) !== null;
    x.request = before;
    if (!found) hcm.stats.passthrough_internal_redirect_no_route++;
    return found;
  }

  /** The redirected request is an exchange of its own, with its own filters and log line, on the same stream. */
  #handOver(body: readonly Piece[]): void {
    const { x, hcm } = this;
    const next = new Serving(
      x.successor(hcm.clock.turn(), hcm.clock.wall()),
      hcm,
      this.#stream,
      this.#clusters,
      this.#onOver,
    );
    this.#next = next;
    this.#over = true;
    this.#stopTimers();
    finish(this);
    next.#takeOver(this.#redirects + 1, body);
  }

  #takeOver(redirects: number, body: readonly Piece[]): void {
    this.#redirects = redirects;
    this.#requestDone();
    const table = this.hcm.routes();
    if (table !== null) this.#findRoute(this.x.request, table);
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
    this.#stream.sendHead(head, end, more);
    if (end) this.#answered();
  }

  onUpstreamData(chunk: Piece, end: boolean): void {
    if (this.#over) return;
    this.#touch();
    const { onResponseData } = this.filters;
    const piece = onResponseData === null ? chunk : (runData(onResponseData, this.x, chunk, end) ?? EMPTY);
    this.x.bytesSent += piece.length;
    const more = this.#stream.sendData(piece, end);
    if (end) this.#answered();
    else if (!more) this.#forward?.pauseAnswer();
  }

  onUpstreamTrailers(trailers: HeaderList): void {
    if (this.#over) return;
    this.x.responseTrailers = trailers;
    this.#stream.sendTrailers(trailers);
    this.#answered();
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
    if (this.x.response?.status === 101 && !this.#over) this.#forward?.cancel(new ProxyError(FAILURE.downstreamGone));
    this.#forward?.complete();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimers();
    if (this.#mirrors.length > 0) for (const mirror of this.#mirrors) mirror.requestOver();
    finish(this);
    this.#onOver();
  }

  #stopTimers(): void {
    this.#idleTimer?.cancel();
    this.#requestTimer?.cancel();
    this.#durationTimer?.cancel();
  }

  // Limits of time.

  #touch(): void {
    this.#touched = this.hcm.clock.turn();
  }

  #setIdle(ms: number): void {
    this.#idleMs = ms;
    this.#idleTimer?.cancel();
    this.#idleTimer = null;
    this.#armIdle();
  }

  #armIdle(): void {
    this.#touch();
    if (this.#idleMs > 0) this.#idleTimer = this.hcm.clock.deadline(this.#idleMs, () => this.#idle());
  }

  /** One timer, set again for what is left: a sign of life costs no more than noting its time. */
  #idle(): void {
    if (this.#over) return;
    const left = this.#touched + this.#idleMs - this.hcm.clock.now();
    if (left > 1) {
      this.#idleTimer = this.hcm.clock.after(left, () => this.#idle());
      return;
    }
    this.hcm.stats.downstream_rq_idle_timeout++;
    const status = this.#requestEnded ? 504 : 408;
    this.#expire(FAILURE.streamIdle, status);
  }

  #requestTimeout(): void {
    if (this.#over) return;
    this.hcm.stats.downstream_rq_timeout++;
    this.#expire(FAILURE.requestTimeout, FAILURE.requestTimeout.status);
  }

  #limitDuration(ms: number): void {
    this.#durationTimer?.cancel();
    this.#durationTimer = ms === 0 ? null : this.hcm.clock.after(ms, () => this.#tooLong());
  }

  #tooLong(): void {
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

function reasonText(status: number): string {
  if (status === 405) return 'Method Not Allowed';
  if (status === 426) return 'Upgrade Required';
  if (status === 431) return 'Request Header Fields Too Large';
  if (status === 501) return 'Not Implemented';
  if (status === 417) return 'Expectation Failed';
  return 'Bad Request';
}
