import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../../core/clock.ts';
import type { Tracing } from '../../../sidecar/model/listener.ts';
import { TracingStats } from '../../../sidecar/telemetry/cells/http.ts';
import { readContext } from '../../../sidecar/telemetry/propagation.ts';
import { loadSpans, spansFromEnvironment, spansFromProvider } from '../../../sidecar/telemetry/spans-config.ts';
import { createTracer, type HeaderAccess, type TracerOptions } from '../../../sidecar/telemetry/tracing.ts';
import { factsWith } from './facts.ts';

const CONFIG: Tracing = {
  clientSampling: 1,
  randomSampling: 1,
  overallSampling: 1,
  verbose: false,
  spawnUpstreamSpan: false,
  customTags: [],
  provider: null,
};
const ID = '61908038-0028-4e97-a037-149a08783d7a';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

function headersWith(initial: Readonly<Record<string, string>>): HeaderAccess & { readonly all: Map<string, string> } {
  const all = new Map(Object.entries(initial));
  return {
    all,
    get: (name) => all.get(name) ?? null,
    set: (name, value) => void all.set(name, value),
    remove: (name) => void all.delete(name),
  };
}

function tracerWith(config: Partial<Tracing> = {}, options: Partial<TracerOptions> = {}) {
  const stats = new TracingStats();
  const clock: Clock = { ...systemClock, random: () => 0.25 };
  return {
    stats,
    tracer: createTracer({
      config: { ...CONFIG, ...config },
      packTraceReason: true,
      stats,
      spans: null,
      propagate: true,
      clock,
      ...options,
    }),
  };
}

test('the reason is packed into the request id as Envoy does', () => {
  for (const [extra, config, digit] of [
    [{}, {}, '9'],
    [{ 'x-envoy-force-trace': 'true' }, {}, 'a'],
    [{ 'x-client-trace-id': 'c' }, {}, 'b'],
    [{}, { randomSampling: 0 }, '4'],
    [{ 'x-envoy-force-trace': 'true' }, { overallSampling: 0 }, '4'],
  ] as const) {
    const headers = headersWith({ 'x-request-id': ID, ...extra });
    const trace = tracerWith(config).tracer.start(headers);
    assert.equal(headers.get('x-request-id')?.[14], digit);
    assert.equal(trace.sampled, digit !== '4');
  }
});

test('what an earlier proxy decided stands, and pack_trace_reason off leaves the id alone', () => {
  const decided = headersWith({ 'x-request-id': ID.replace('4e97', '9e97') });
  assert.equal(tracerWith({ randomSampling: 0 }).tracer.start(decided).sampled, true);
  const untouched = headersWith({ 'x-request-id': ID });
  tracerWith({}, { packTraceReason: false }).tracer.start(untouched);
  assert.equal(untouched.get('x-request-id'), ID);
});

test('reasons are counted', () => {
  const { stats, tracer } = tracerWith({ randomSampling: 0 });
  tracer.start(headersWith({ 'x-request-id': ID }));
  tracer.start(headersWith({ 'x-request-id': ID, 'x-envoy-force-trace': '1' }));
  tracer.start(headersWith({ 'x-request-id': 'no uuid' }));
  assert.deepEqual(
    { ...stats },
    { random_sampling: 0, service_forced: 1, client_enabled: 0, not_traceable: 2, health_check: 0 },
  );
});

test('the context of a request goes on: same trace, new span, same decision', () => {
  const { tracer } = tracerWith({ randomSampling: 0 });
  const trace = tracer.start(headersWith({ 'x-request-id': ID, traceparent: `00-${TRACE}-${SPAN}-01` }));
  assert.deepEqual([trace.traceId, trace.sampled], [TRACE, true]);
  const upstream = headersWith({});
  trace.attempt(upstream, 1);
  const written = readContext(upstream.get);
  assert.equal(written?.traceId, TRACE);
  assert.notEqual(written?.spanId, SPAN);
  assert.equal(written?.sampled, true);
});

test('b3 goes on as b3, and traceparent is added', () => {
  for (const headers of [
    { b3: `${TRACE}-${SPAN}-1` },
    { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' },
  ]) {
    const trace = tracerWith().tracer.start(headersWith({ 'x-request-id': ID, ...headers }));
    const upstream = headersWith({});
    trace.attempt(upstream, 1);
    assert.match(upstream.get('traceparent') ?? '', new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    const spelled =
      upstream.get('b3') ??
      `${upstream.get('x-b3-traceid')}-x-${upstream.get('x-b3-sampled')}-${upstream.get('x-b3-parentspanid')}`;
    assert.match(spelled, new RegExp(`^${TRACE}-.*-1-${SPAN}$`));
  }
});

test('broken contexts begin a new trace', () => {
  for (const value of [
    '',
    'x',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-x`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  ]) {
    assert.equal(
      readContext((name) => (name === 'traceparent' ? value : null)),
      null,
      value,
    );
  }
  assert.equal(readContext((name) => (name === 'traceparent' ? `cc-${TRACE}-${SPAN}-00-more` : null))?.sampled, false);
  assert.equal(readContext((name) => (name === 'b3' ? `${SPAN}-${SPAN}` : null))?.traceId, `${'0'.repeat(16)}${SPAN}`);
  assert.equal(
    readContext((name) => (name === 'b3' ? '0' : null)),
    null,
  );
});

test('nothing is written where nobody asks for traces', () => {
  const trace = tracerWith({}, { propagate: false }).tracer.start(headersWith({ 'x-request-id': ID }));
  const upstream = headersWith({});
  trace.attempt(upstream, 1);
  assert.deepEqual([trace.traceId, trace.sampled, upstream.all.size], [null, true, 0]);
});

test('the environment and providers name a collector', () => {
  assert.equal(spansFromEnvironment({}), null);
  assert.equal(
    spansFromEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }),
    null,
  );
  const found = spansFromEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=b%20c',
    OTEL_SERVICE_NAME: 'web',
  });
  assert.deepEqual([found?.to, found?.headers, found?.serviceName], ['http://c:4318/v1/traces', { a: 'b c' }, 'web']);
  const provider = {
    serviceName: '',
    uri: 'http://collector:4318/v1/traces',
    cluster: 'c',
    timeoutMs: 250,
    headers: [],
  };
  assert.equal(spansFromProvider(provider, '127.0.0.1:9').to, 'http://127.0.0.1:9/v1/traces');
});

test('sampled spans arrive at a collector: the server span, and one for each retry', async (t) => {
  const bodies: Buffer[] = [];
  const collector = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(chunk));
    request.on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  t.after(() => collector.close());
  const to = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const spans = await loadSpans({ to, headers: {}, timeoutMs: 1000, serviceName: 'web', resource: {} });
  const { tracer } = tracerWith({ customTags: [{ kind: 'literal', tag: 'env', value: 'test' }] }, { spans });
  const trace = tracer.start(headersWith({ 'x-request-id': ID, traceparent: `00-${TRACE}-${SPAN}-01` }));
  const facts = factsWith({
    request: { ':method': 'GET', ':path': '/a?b', ':authority': 'svc:81' },
    responseCode: 503,
    attemptCount: 2,
  });
  trace.attempt(headersWith({}), 1).end(facts);
  trace.attempt(headersWith({}), 2).end(facts);
  trace.end(facts, null);
  await spans.close();
  const sent = JSON.parse(Buffer.concat(bodies).toString()).resourceSpans[0].scopeSpans[0].spans as {
    name: string;
    traceId: string;
    parentSpanId: string;
    spanId: string;
    attributes: { key: string }[];
  }[];
  assert.equal(sent.length, 2);
  const server = sent.find(({ parentSpanId }) => parentSpanId === SPAN);
  assert.equal(server?.name, 'GET named');
  assert.equal(server?.traceId, TRACE);
  const keys = server?.attributes.map(({ key }) => key) ?? [];
  for (const key of [
    'http.request.method',
    'http.response.status_code',
    'url.path',
    'server.port',
    'error.type',
    'http.request.resend_count',
    'env',
  ]) {
    assert.ok(keys.includes(key), key);
  }
  assert.ok(sent.some(({ parentSpanId }) => parentSpanId === server?.spanId));
});
