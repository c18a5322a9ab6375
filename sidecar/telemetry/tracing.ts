// Tracing of one connection manager: whether a request is traced, what it says to the next hop, and the
// spans it leaves. Costs nothing where a connection manager has no `tracing`: there is no Tracer then.

import type { Clock } from '../../core/clock.ts';
import type { CustomTag, Tracing } from '../model/listener.ts';
import type { TracingStats } from './cells/http.ts';
import type { RequestFacts } from './facts.ts';
import { randomHex, readContext, type TraceContext, writeContext } from './propagation.ts';

/** Header names in lower case; the last write of a name holds. */
export interface HeaderAccess {
  get(name: string): string | null;
  set(name: string, value: string): void;
  remove(name: string): void;
}

export interface Tracer {
  /**
   * Decides, once the request has its x-request-id and before it is routed. Marks the reason in the
   * request id (`pack_trace_reason`) as Envoy does.
   */
  start(headers: HeaderAccess): RequestTrace;
}

/** The trace of one request. */
export interface RequestTrace {
  /** null: no context is passed on (no provider). */
  readonly traceId: string | null;
  readonly sampled: boolean;
  /** Before an attempt is sent: writes the context into its headers; gives a handle to end the attempt. */
  attempt(headers: HeaderAccess, number: number): AttemptTrace;
  /** Once, when the exchange is over. `operation` is the route's decorator, or null. */
  end(facts: RequestFacts, operation: string | null): void;
}

export interface AttemptTrace {
  end(facts: RequestFacts): void;
}

/** Where sampled spans go: the OpenTelemetry SDK in spans.ts, or a test. */
export interface SpanSink {
  start(span: SpanStart): OpenSpan;
}

export interface SpanStart {
  readonly kind: 'server' | 'client';
  readonly parent: TraceContext | null;
  readonly startWallMs: number;
}

export interface OpenSpan {
  readonly traceId: string;
  readonly spanId: string;
  end(name: string, facts: RequestFacts, tags: Readonly<Record<string, string>>, endWallMs: number): void;
}

export interface TracerOptions {
  readonly config: Tracing;
  readonly packTraceReason: boolean;
  readonly stats: TracingStats;
  /** null: contexts are passed on, no spans are made. */
  readonly spans: SpanSink | null;
  /** Trace contexts are read and written: a provider is configured, or the environment asks for spans. */
  readonly propagate: boolean;
  readonly clock: Clock;
}

export function createTracer(options: TracerOptions): Tracer {
  return {
    start(headers) {
      const reason = decide(headers, options);
      count(options.stats, reason);
      return options.propagate
        ? traced(headers, reason !== 'not-traceable', options)
        : untold(reason !== 'not-traceable');
    },
  };
}

type Reason = 'not-traceable' | 'sampled' | 'service-forced' | 'client-forced';

/** Where the request id carries the reason, and as what (Envoy's UUID extension). */
const REASON_AT = 14;
const REASON_DIGIT: Readonly<Record<Reason, string>> = {
  'not-traceable': '4',
  sampled: '9',
  'service-forced': 'a',
  'client-forced': 'b',
};
const REASONS = new Map(Object.entries(REASON_DIGIT).map(([reason, digit]) => [digit, reason as Reason]));

/** Envoy's order: what an earlier proxy decided, the client, the service, chance; then the overall share. */
function decide(headers: HeaderAccess, { config, packTraceReason, clock }: TracerOptions): Reason {
  const id = headers.get('x-request-id');
  const chance = chanceOf(id);
  if (id === null || chance === null) return 'not-traceable';
  const packed = REASONS.get(id[REASON_AT] ?? '') ?? 'not-traceable';
  const chosen = packed === 'not-traceable' ? chooseReason(headers, config, chance, clock) : packed;
  const reason = chance < config.overallSampling ? chosen : 'not-traceable';
  if (packTraceReason && reason !== packed)
    headers.set('x-request-id', id.slice(0, REASON_AT) + REASON_DIGIT[reason] + id.slice(REASON_AT + 1));
  return reason;
}

function chooseReason(headers: HeaderAccess, config: Tracing, chance: number, clock: Clock): Reason {
  if (headers.get('x-client-trace-id') !== null && clock.random() < config.clientSampling) return 'client-forced';
  if (headers.get('x-envoy-force-trace') !== null) return 'service-forced';
  return chance < config.randomSampling ? 'sampled' : 'not-traceable';
}

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const SHARES = 10_000;

/** 0 to 1, the same for everybody who sees this request id; null: not a UUID. */
function chanceOf(id: string | null): number | null {
  if (id === null || !UUID.test(id)) return null;
  return (Number.parseInt(id.slice(0, 8), 16) % SHARES) / SHARES;
}

function count(stats: TracingStats, reason: Reason): void {
  if (reason === 'sampled') stats.random_sampling++;
  else if (reason === 'service-forced') stats.service_forced++;
  else if (reason === 'client-forced') stats.client_enabled++;
  else stats.not_traceable++;
}

const NO_ATTEMPT: AttemptTrace = { end: () => {} };

function untold(sampled: boolean): RequestTrace {
  return { traceId: null, sampled, attempt: () => NO_ATTEMPT, end: () => {} };
}

/** The decision of whoever began the trace stands. */
function traced(headers: HeaderAccess, ours: boolean, options: TracerOptions): RequestTrace {
  const { clock } = options;
  const tags = options.config.customTags.map((tag) => ({ name: tag.tag, value: tagValue(tag, headers) }));
  const parent = readContext((name) => headers.get(name));
  const sampled = parent?.sampled ?? ours;
  const span = sampled ? (options.spans?.start({ kind: 'server', parent, startWallMs: clock.wall() }) ?? null) : null;
  const context: TraceContext = {
    traceId: span?.traceId ?? parent?.traceId ?? randomHex(32, clock.random),
    spanId: span?.spanId ?? randomHex(16, clock.random),
    sampled,
    form: parent?.form ?? 'w3c',
  };
  return {
    traceId: context.traceId,
    sampled,
    attempt: (to, number) => startAttempt(to, number, context, parent?.spanId ?? null, options),
    end(facts, operation) {
      span?.end(operation ?? spanName(facts), facts, present(tags), clock.wall());
    },
  };
}

/** With `spawn_upstream_span`, and for every retry, an attempt is a span of its own. */
function startAttempt(
  to: HeaderAccess,
  number: number,
  server: TraceContext,
  parentSpanId: string | null,
  options: TracerOptions,
): AttemptTrace {
  const { spans, clock, config } = options;
  const own = server.sampled === true && (config.spawnUpstreamSpan || number > 1) && spans !== null;
  if (!own) {
    writeContext((name, value) => to.set(name, value), server, parentSpanId);
    return NO_ATTEMPT;
  }
  const span = spans.start({ kind: 'client', parent: server, startWallMs: clock.wall() });
  writeContext((name, value) => to.set(name, value), { ...server, spanId: span.spanId }, server.spanId);
  return { end: (facts) => span.end(spanName(facts), facts, {}, clock.wall()) };
}

function spanName(facts: RequestFacts): string {
  const method = facts.requestHeader(':method') ?? 'HTTP';
  return facts.routeName === '' ? method : `${method} ${facts.routeName}`;
}

function tagValue(tag: CustomTag, headers: HeaderAccess): string {
  switch (tag.kind) {
    case 'literal':
      return tag.value;
    case 'environment':
      return process.env[tag.name] ?? tag.defaultValue;
    case 'request-header':
      return headers.get(tag.name) ?? tag.defaultValue;
  }
}

function present(tags: readonly { readonly name: string; readonly value: string }[]): Record<string, string> {
  return Object.fromEntries(tags.filter(({ value }) => value !== '').map(({ name, value }) => [name, value]));
}
