// One attempt after another: picks a host, asks its pool for a connection, sends the request, and either
// hands the answer down or tries again. Deadlines and the retry loop live here; bytes of the answer pass
// straight through.
//
//   start -> attempt -> (host) -> (connection) -> request sent -> answer head -> answer body -> done
//               ^                      |               |              |
//               +---- backoff <--------+---------------+--------------+  while nothing went down yet

import type { Clock, Timer } from '../../core/clock.ts';
import { backoffMs } from '../../core/backoff.ts';
import { FAILURE, FLAG, ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { held } from '../http/held.ts';
import { copyFields, type HeaderList, type RequestHead, type ResponseHead, setField } from '../http/head.ts';
import type { Piece } from '../http/stream.ts';
import type { ForwardAction } from '../model/route.ts';
import type { RequestTrace } from '../telemetry/tracing.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Host } from '../upstream/host.ts';
import { Attempt } from './attempt.ts';
import { RequestBody } from './request-body.ts';
import { answerIsRetriable, failureIsRetriable, isIdempotent, type RetryRules } from './retry.ts';
import { setHost } from './rewrite.ts';
import { type RequestTimeouts, setExpectedTimeout } from './timeouts.ts';
import { rateLimitedWait } from './rate-limited-backoff.ts';

/** Where the answer goes. After `onUpstreamFailed` nothing more comes. */
export interface AnswerSink {
  /** `more`: data follows within this call of the codec. */
  onUpstreamHead(head: ResponseHead, end: boolean, more: boolean): void;
  onUpstreamData(chunk: Piece, end: boolean): void;
  onUpstreamTrailers(trailers: HeaderList): void;
  onUpstreamDrain(): void;
  onUpstreamFailed(error: ProxyError): void;
  /** The request body may flow again, or has to wait. */
  pauseRequest(): void;
  resumeRequest(): void;
}

export interface ForwardPlan {
  readonly cluster: Cluster;
  readonly action: ForwardAction;
  readonly rules: RetryRules | null;
  readonly timeouts: RequestTimeouts;
  readonly suppressEnvoyHeaders: boolean;
  readonly countAttempts: boolean;
  readonly bufferLimit: number;
  /** The bytes of a CONNECT go to the upstream as they are. */
  readonly terminatesConnect: boolean;
  readonly trace: RequestTrace | null;
}

const EMPTY = Buffer.alloc(0);

export class Forward {
  #attempt: Attempt | null = null;
  #answering = false;
  #done = false;
  #retriesLeft: number;
  #retryHeld = false;
  #retried = false;
  #replayed = false;
  /** HTTP/2 did not do for it. */
  overHttp1 = false;
  #globalTimer: Timer | null = null;
  #backoffTimer: Timer | null = null;
  #requestPaused = false;
  readonly #tried: Host[] = [];
  readonly #x: Exchange;
  readonly #plan: ForwardPlan;
  readonly #sink: AnswerSink;
  readonly #clock: Clock;
  readonly #body: RequestBody;

  constructor(x: Exchange, plan: ForwardPlan, sink: AnswerSink, clock: Clock) {
    this.#x = x;
    this.#plan = plan;
    this.#sink = sink;
    this.#clock = clock;
    this.#retriesLeft = plan.rules?.numRetries ?? 0;
    this.#body = new RequestBody(plan.bufferLimit, worthKeeping(plan, x.request.method));
  }

  /** `end`: the request has no body. */
  start(end: boolean): void {
    if (end) {
      this.#body.add(EMPTY, true);
      this.#requestComplete();
    }
    this.#try(false);
  }

  get clock(): Clock {
    return this.#clock;
  }

  get plan(): ForwardPlan {
    return this.#plan;
  }

  get exchange(): Exchange {
    return this.#x;
  }

  get body(): RequestBody {
    return this.#body;
  }

  /** Nothing of the answer has gone down yet. */
  get waiting(): boolean {
    return !this.#answering;
  }

  // The request, as it arrives.

  sendData(chunk: Piece, end: boolean): void {
    if (this.#done) return;
    if (this.#body.add(chunk, end) && this.#plan.rules !== null) this.#plan.cluster.stats.retry_or_shadow_abandoned++;
    if (end) this.#requestComplete();
    const attempt = this.#attempt;
    if (attempt?.open) {
      this.#body.trim();
      if (!attempt.sendData(chunk, end)) this.#pauseRequest();
    } else if (this.#body.overLimit) {
      this.#pauseRequest();
    } else if (held.full) {
      if (!this.#requestPaused) held.stopped();
      this.#pauseRequest();
    }
  }

  sendTrailers(trailers: HeaderList): void {
    if (this.#done) return;
    this.#body.addTrailers(trailers);
    this.#requestComplete();
    if (this.#attempt?.open) this.#attempt.sendTrailers(trailers);
  }

  #pauseRequest(): void {
    if (this.#requestPaused) return;
    this.#requestPaused = true;
    this.#plan.cluster.stats.upstream_flow_control_backed_up_total++;
    this.#sink.pauseRequest();
  }

  onUpstreamDrain(): void {
    if (!this.#requestPaused) return;
    this.#requestPaused = false;
    this.#plan.cluster.stats.upstream_flow_control_drained_total++;
    this.#sink.resumeRequest();
  }

  /** The whole request is here: from now on the time for the answer counts. */
  #requestComplete(): void {
    this.#x.requestEndMs = this.#clock.turn();
    // A tunnel has no answer that could be late.
    if (this.#x.request.upgrade !== null) return;
    const { globalMs } = this.#plan.timeouts;
    if (globalMs > 0) this.#globalTimer = this.#clock.deadline(globalMs, () => this.#globalTimeout());
    this.#attempt?.requestComplete();
  }

  // The loop.

  #try(fresh: boolean): void {
    const { cluster, rules } = this.#plan;
    const avoid = rules?.policy.avoidPreviousHosts && this.#tried.length > 0 ? this.#tried : null;
    const host = cluster.choose(avoid, rules?.policy.hostSelectionAttempts ?? 1);
    if (host === null) {
      cluster.stats.upstream_cx_none_healthy++;
      this.#fail(new ProxyError(FAILURE.noHealthyUpstream));
      return;
    }
    this.#tried.push(host);
    this.#noteHost(host);
    this.#attempt = new Attempt(this, host, this.#headFor(host));
    this.#attempt.start(fresh);
  }

  #noteHost(host: Host): void {
    const x = this.#x;
    x.upstreamHost = host.address;
    x.upstreamHostname = host.endpoint.hostname || null;
    x.hostData = host.endpoint.metadata;
    x.hostsAttempted = this.#tried.length === 1 ? host.alone : this.#tried.map(({ address }) => address);
    x.upstreamFailureReason = null;
    x.upstreamLocal = null;
    x.upstreamWire = null;
  }

  /** The head of this attempt. What differs from try to try is set on the request itself: the log shows the last. */
  #headFor(host: Host): RequestHead {
    const { request } = this.#x;
    const { action, countAttempts, timeouts, suppressEnvoyHeaders } = this.#plan;
    if (action.hostRewrite?.kind === 'auto' && host.endpoint.hostname !== '') {
      setHost(request, host.endpoint.hostname, action.appendXForwardedHost);
    }
    if (countAttempts) setField(request.headers, 'x-envoy-attempt-count', String(this.#x.attemptCount));
    if (!suppressEnvoyHeaders && this.#x.attemptCount > 1) setExpectedTimeout(request, timeouts, this.#elapsed());
    // What tracing or an upgrade changes for one try must not be seen by the next.
    if (this.#plan.trace === null && request.upgrade === null) return request;
    return { ...request, headers: copyFields(request.headers) };
  }

  #elapsed(): number {
    const { requestEndMs } = this.#x;
    return requestEndMs < 0 ? 0 : this.#clock.turn() - requestEndMs;
  }

  /** An answer began. true: it was taken as a reason to try again. */
  onHead(attempt: Attempt, head: ResponseHead, end: boolean, more: boolean): void {
    if (head.status < 200 && head.status !== 101) {
      this.#sink.onUpstreamHead(head, false, false);
      return;
    }
    const { rules, cluster } = this.#plan;
    if (rules !== null && answerIsRetriable(rules, head) && this.#mayRetry()) {
      cluster.stats.answeredAndRetried(head.status);
      attempt.abandon(end);
      this.#retry(rateLimitedWait(rules.policy.rateLimitedBackoff, head, this.#clock));
      return;
    }
    this.#settle(rules !== null && !answerIsRetriable(rules, head));
    this.#answering = true;
    if (head.status === 101) this.#body.drop();
    this.#sink.onUpstreamHead(head, end, more);
  }

  onData(chunk: Piece, end: boolean): void {
    this.#sink.onUpstreamData(chunk, end);
  }

  onTrailers(trailers: HeaderList): void {
    this.#sink.onUpstreamTrailers(trailers);
  }

  onFailed(attempt: Attempt, error: ProxyError): void {
    if (this.#done) return;
    if (this.#answering) {
      this.#fail(error);
      return;
    }
    if (error.row === FAILURE.upgradeNotOffered && this.#mayUseHttp1()) {
      this.#tryOverHttp1();
      return;
    }
    if (this.#mayReplay(error)) {
      this.#replayed = true;
      this.#try(true);
      return;
    }
    const { rules } = this.#plan;
    if (rules !== null && failureIsRetriable(rules, error, attempt.started) && this.#mayRetry()) {
      this.#retry(null);
      return;
    }
    this.#settle(false);
    this.#fail(error);
  }

  /**
   * Where the peer may be spoken to in either version, an upgrade that HTTP/2 does not carry goes over HTTP/1.1.
   * It is asked for over HTTP/2 first, so that between sidecars a WebSocket shares the connections that are there.
   */
  #mayUseHttp1(): boolean {
    return !this.overHttp1 && this.#plan.cluster.description.http.protocol === 'alpn' && this.#body.whole;
  }

  /** The same host: it has only said how it wants to be asked. */
  #tryOverHttp1(): void {
    const host = this.#tried.at(-1) as Host;
    this.overHttp1 = true;
    this.#attempt = new Attempt(this, host, this.#headFor(host));
    this.#attempt.start(false);
  }

  /**
   * Once, without asking a policy, on a fresh connection. Where the upstream closed a kept connection just as we
   * used it nobody saw the request, most likely: only what may be repeated is (RFC 9112 9.3.1). Where it says that
   * it did nothing with it, everything may be (RFC 9113 8.7).
   */
  #mayReplay({ row }: ProxyError): boolean {
    if (this.#replayed || !this.#body.replayable) return false;
    if (row === FAILURE.refusedStream) return true;
    return row === FAILURE.reusedClosed && isIdempotent(this.#x.request.method);
  }

  /** Takes one of the retries and a place in the breaker; says in flags why not. */
  #mayRetry(): boolean {
    const { cluster, action } = this.#plan;
    if (!this.#body.replayable || this.#done) return false;
    this.#releaseRetry();
    if (this.#retriesLeft === 0) {
      cluster.stats.upstream_rq_retry_limit_exceeded++;
      this.#x.responseFlags |= FLAG.URX;
      return false;
    }
    this.#retriesLeft--;
    const breaker = cluster.breaker(action.priority);
    if (!breaker.mayRetry) {
      cluster.stats.upstream_rq_retry_overflow++;
      this.#x.responseFlags |= FLAG.UO;
      return false;
    }
    breaker.retries++;
    this.#retryHeld = true;
    cluster.stats.upstream_rq_retry++;
    return true;
  }

  #releaseRetry(): void {
    if (!this.#retryHeld) return;
    this.#retryHeld = false;
    this.#plan.cluster.breaker(this.#plan.action.priority).retries--;
  }

  #retry(wait: number | null): void {
    const { rules, cluster } = this.#plan;
    const attempts = (rules?.numRetries ?? 0) - this.#retriesLeft;
    if (wait === null) cluster.stats.upstream_rq_retry_backoff_exponential++;
    else cluster.stats.upstream_rq_retry_backoff_ratelimited++;
    const ms =
      wait ?? backoffMs(rules?.policy.backoff ?? { baseMs: 25, maxMs: 250 }, attempts, () => this.#clock.random());
    this.#attempt = null;
    this.#retried = true;
    this.#backoffTimer = this.#clock.after(ms, () => {
      this.#backoffTimer = null;
      this.#x.attemptCount++;
      this.#try(false);
    });
  }

  /** No further try: the last retry, if there was one, ended well or not. */
  #settle(success: boolean): void {
    if (this.#retried && success) this.#plan.cluster.stats.upstream_rq_retry_success++;
    this.#releaseRetry();
  }

  // Limits of time.

  #globalTimeout(): void {
    const { cluster } = this.#plan;
    cluster.stats.upstream_rq_timeout++;
    this.#attempt?.timedOut();
    this.#stopAttempt(new ProxyError(FAILURE.responseTimeout));
    this.#fail(new ProxyError(FAILURE.responseTimeout));
  }

  /** A try took too long; the next one may be quicker. */
  onTryTimeout(attempt: Attempt, error: ProxyError): void {
    if (this.#done) return;
    if (this.#answering && error.row === FAILURE.perTryTimeout) return;
    attempt.timedOut();
    attempt.cancel(error);
    this.#attempt = null;
    const { rules } = this.#plan;
    if (!this.#answering && rules !== null && failureIsRetriable(rules, error, true) && this.#mayRetry())
      this.#retry(null);
    else {
      this.#settle(false);
      this.#fail(error);
    }
  }

  #fail(error: ProxyError): void {
    if (this.#done) return;
    this.#finish();
    this.#sink.onUpstreamFailed(error);
  }

  #stopAttempt(error: ProxyError): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt?.cancel(error);
  }

  /** The answer is not passed on: another request takes the place of this one. `end`: the answer is complete. */
  release(end: boolean): void {
    this.#attempt?.abandon(end);
    this.#finish();
  }

  /** The answer is complete. */
  complete(): void {
    this.#finish();
  }

  /** The client is gone, or the exchange is over for another reason. */
  cancel(error: ProxyError): void {
    if (this.#done) return;
    this.#finish();
    this.#stopAttempt(error);
  }

  #finish(): void {
    this.#done = true;
    this.#body.drop();
    this.#releaseRetry();
    this.#globalTimer?.cancel();
    this.#backoffTimer?.cancel();
  }

  pauseAnswer(): void {
    this.#attempt?.pause();
  }

  resumeAnswer(): void {
    this.#attempt?.resume();
  }
}

/** Over HTTP/2 an upstream may say that it did nothing with a request: soon, or hardly ever. */
const KEPT_UNTIL_REFUSED = 64 * 1024;

/** Bytes of a request's body that are worth keeping for another try. */
function worthKeeping({ rules, action, bufferLimit, cluster }: ForwardPlan, method: string): number {
  if (rules !== null || action.internalRedirect !== null) return bufferLimit;
  if (cluster.description.http.protocol !== 'http1') return KEPT_UNTIL_REFUSED;
  return isIdempotent(method) ? bufferLimit : 0;
}
