// Sampled spans handed to OpenTelemetry. Loaded only where spans are asked for: the SDK and its exporter
// cost memory and start-up time that nobody else should pay.

import { context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import { isPipe } from '../../core/addresses.ts';
import { FLAG, flagText } from '../errors.ts';
import type { AddressFacts, RequestFacts } from './facts.ts';
import type { TraceContext } from './propagation.ts';
import type { OpenSpan, SpanSink, SpanStart } from './tracing.ts';

/** Spans that may wait for the collector; more are dropped. */
const MAX_QUEUED_SPANS = 2048;

export interface SpansOptions {
  /** 'console', or the collector's whole URL, e.g. `http://127.0.0.1:4318/v1/traces`. */
  readonly to: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly serviceName: string;
  /** More about this process, e.g. from OTEL_RESOURCE_ATTRIBUTES. */
  readonly resource: Readonly<Record<string, string>>;
}

export interface Spans extends SpanSink {
  /** Sends what waits; at most the exporter's timeout. */
  close(): Promise<void>;
}

export function openSpans(options: SpansOptions): Spans {
  const exporter: SpanExporter =
    options.to === 'console'
      ? new ConsoleSpanExporter()
      : new OTLPTraceExporter({ url: options.to, headers: { ...options.headers }, timeoutMillis: options.timeoutMs });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ ...options.resource, 'service.name': options.serviceName }),
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: MAX_QUEUED_SPANS })],
  });
  const tracer = provider.getTracer('fairlead');
  return {
    start({ kind, parent, startWallMs }: SpanStart) {
      const above = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote(parent));
      const spanKind = kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT;
      return opened(tracer.startSpan('HTTP', { kind: spanKind, startTime: startWallMs }, above), kind);
    },
    close: () => provider.shutdown(),
  };
}

function remote({ traceId, spanId }: TraceContext): {
  traceId: string;
  spanId: string;
  traceFlags: TraceFlags;
  isRemote: boolean;
} {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

function opened(span: Span, kind: SpanStart['kind']): OpenSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    end(name, facts, tags, endWallMs) {
      span.updateName(name);
      span.setAttributes({ ...attributes(facts, kind), ...tags });
      if (isError(facts, kind)) span.setStatus({ code: SpanStatusCode.ERROR });
      context.with(ROOT_CONTEXT, () => span.end(endWallMs));
    },
  };
}

/** A server span fails with 5xx, a client span with 4xx too, and both without an answer (semantic conventions). */
function isError(facts: RequestFacts, kind: SpanStart['kind']): boolean {
  return facts.responseCode === 0 || facts.responseCode >= (kind === 'server' ? 500 : 400);
}

type Attributes = Record<string, string | number>;

/** Attributes of OpenTelemetry's stable HTTP conventions, and our own. */
function attributes(facts: RequestFacts, kind: SpanStart['kind']): Attributes {
  const [host, port] = splitAuthority(facts.requestHeader(':authority') ?? '');
  const all: Record<string, string | number | null> = {
    'http.request.method': facts.requestHeader(':method'),
    'http.response.status_code': facts.responseCode || null,
    'http.route': facts.routeName,
    'url.path': facts.requestHeader(':path')?.split('?', 1)[0] ?? null,
    'url.scheme': facts.requestHeader(':scheme'),
    'server.address': kind === 'client' ? (facts.upstreamHost?.host ?? host) : host,
    'server.port': kind === 'client' && facts.upstreamHost !== null ? portOf(facts.upstreamHost) : port,
    'client.address': facts.remote.host,
    'network.peer.address': kind === 'client' ? (facts.upstreamHost?.host ?? null) : facts.connection.direct.host,
    'network.protocol.version': facts.protocol?.replace('HTTP/', '') ?? null,
    'user_agent.original': facts.requestHeader('user-agent'),
    'error.type': isError(facts, kind) ? (facts.responseCodeDetails ?? String(facts.responseCode)) : null,
    'http.request.resend_count': facts.attemptCount > 1 ? facts.attemptCount - 1 : null,
    'fairlead.cluster': facts.upstreamCluster,
    'fairlead.response_flags': facts.responseFlags === 0 ? null : flagText(facts.responseFlags & ALL_FLAGS),
    'fairlead.peer_id': (kind === 'client' ? facts.upstreamTls : facts.connection.tls)?.peer?.uriSans[0] ?? null,
    'fairlead.request_id': facts.requestId,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string | number] => entry[1] !== null && entry[1] !== ''),
  );
}

function portOf({ host, port }: AddressFacts): number | null {
  return isPipe(host) ? null : port;
}

const ALL_FLAGS = Object.values(FLAG).reduce<number>((bits, bit) => bits | bit, 0);

function splitAuthority(authority: string): [string, number | null] {
  const found = /^(.*?)(?::(\d+))?$/.exec(authority);
  return [found?.[1] ?? '', found?.[2] === undefined ? null : Number(found[2])];
}
