// Where spans go, from OpenTelemetry's environment variables or a connection manager's provider; and the
// lazy door to spans.ts.

import type { TracingProvider } from '../model/listener.ts';
import type { Spans, SpansOptions } from './spans.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** What the environment asks for; null: nothing (the usual case). */
export function spansFromEnvironment(env: Readonly<Record<string, string | undefined>>): SpansOptions | null {
  if (env['OTEL_SDK_DISABLED'] === 'true') return null;
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? '';
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const endpoint =
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ??
    (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`);
  if (exporter === 'none' || (exporter === '' && endpoint === undefined)) return null;
  return {
    to: exporter === 'console' ? 'console' : (endpoint ?? 'http://localhost:4318/v1/traces'),
    headers: pairs(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] ?? env['OTEL_EXPORTER_OTLP_HEADERS']),
    timeoutMs:
      Number(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] ?? env['OTEL_EXPORTER_OTLP_TIMEOUT'] ?? DEFAULT_TIMEOUT_MS) ||
      DEFAULT_TIMEOUT_MS,
    serviceName:
      env['OTEL_SERVICE_NAME'] ?? pairs(env['OTEL_RESOURCE_ATTRIBUTES'])['service.name'] ?? 'unknown_service:fairlead',
    resource: pairs(env['OTEL_RESOURCE_ATTRIBUTES']),
  };
}

/** A provider of the configuration; `endpoint` is an address of its cluster, `host:port`. */
export function spansFromProvider(provider: TracingProvider, endpoint: string | null): SpansOptions {
  const url = new URL(provider.uri);
  if (endpoint !== null) url.host = endpoint;
  return {
    to: url.href,
    headers: Object.fromEntries(provider.headers.map(({ name, value }) => [name, value])),
    timeoutMs: provider.timeoutMs || DEFAULT_TIMEOUT_MS,
    serviceName: provider.serviceName === '' ? 'unknown_service:fairlead' : provider.serviceName,
    resource: {},
  };
}

/** Loads the SDK. */
export async function loadSpans(options: SpansOptions): Promise<Spans> {
  const { openSpans } = await import('./spans.ts');
  return openSpans(options);
}

/** `a=b,c=d` with percent-encoded values (W3C baggage form). */
function pairs(text: string | undefined): Record<string, string> {
  const entries = (text ?? '').split(',').flatMap((pair) => {
    const equals = pair.indexOf('=');
    return equals < 1 ? [] : [[pair.slice(0, equals).trim(), unescaped(pair.slice(equals + 1).trim())] as const];
  });
  return Object.fromEntries(entries);
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Not percent-encoded after all.
    return value;
  }
}
