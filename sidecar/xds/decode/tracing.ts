// Tracing of a connection manager: sampling, tags, and where spans go.

import { HttpServiceSchema } from '../../../proto/gen/envoy/config/core/v3/http_service_pb.ts';
import { HttpUriSchema } from '../../../proto/gen/envoy/config/core/v3/http_uri_pb.ts';
import type { Tracing_Http } from '../../../proto/gen/envoy/config/trace/v3/http_tracer_pb.ts';
import { Tracing_HttpSchema } from '../../../proto/gen/envoy/config/trace/v3/http_tracer_pb.ts';
import { OpenTelemetryConfigSchema } from '../../../proto/gen/envoy/config/trace/v3/opentelemetry_pb.ts';
import type { HttpConnectionManager_TracingSchema as TracingSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import type { CustomTagSchema } from '../../../proto/gen/envoy/type/tracing/v3/custom_tag_pb.ts';
import {
  CustomTag_EnvironmentSchema as EnvironmentSchema,
  CustomTag_HeaderSchema as HeaderSchema,
  CustomTagSchema as TagSchema,
} from '../../../proto/gen/envoy/type/tracing/v3/custom_tag_pb.ts';
import type { PercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import { PercentSchema as Percent } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { CustomTag, Tracing, TracingProvider } from '../../model/listener.ts';
import { isType, openAny } from './any.ts';
import type { Fields } from './fields.ts';
import { decodeAdds } from './header-mutations.ts';

export function decodeTracing(f: Fields<typeof TracingSchema>): Tracing {
  const provider = f.child('provider', Tracing_HttpSchema);
  f.ignore('maxPathTagLength');
  const tracing: Tracing = {
    clientSampling: decodeShare(f.child('clientSampling', Percent)),
    randomSampling: decodeShare(f.child('randomSampling', Percent)),
    overallSampling: decodeShare(f.child('overallSampling', Percent)),
    verbose: f.take('verbose'),
    spawnUpstreamSpan: f.take('spawnUpstreamSpan') ?? false,
    customTags: f.children('customTags', TagSchema).flatMap(decodeTag),
    provider: provider === null ? null : decodeProvider(provider),
  };
  f.end();
  return tracing;
}

/** Everything is sampled unless something less is said. */
function decodeShare(f: Fields<typeof PercentSchema> | null): number {
  return f === null ? 1 : f.take('value') / 100;
}

function decodeTag(f: Fields<typeof CustomTagSchema>): CustomTag[] {
  const tag = f.take('tag');
  const type = f.take('type');
  f.end();
  switch (type.case) {
    case 'literal':
      return [{ tag, kind: 'literal', value: type.value.value }];
    case 'environment':
      return [{ tag, kind: 'environment', ...named(f.choice('environment', type.value, EnvironmentSchema)) }];
    case 'requestHeader': {
      const header = named(f.choice('requestHeader', type.value, HeaderSchema));
      return [{ tag, kind: 'request-header', name: header.name.toLowerCase(), defaultValue: header.defaultValue }];
    }
    default:
      if (type.case !== undefined) f.unsupported(type.case);
      return [];
  }
}

function named(f: Fields<typeof EnvironmentSchema> | Fields<typeof HeaderSchema>): {
  name: string;
  defaultValue: string;
} {
  const decoded = { name: f.take('name'), defaultValue: f.take('defaultValue') };
  f.end();
  return decoded;
}

function decodeProvider(f: Fields<typeof Tracing_HttpSchema>): TracingProvider | null {
  const config: Tracing_Http['configType'] = f.take('configType');
  f.ignore('name');
  f.end();
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const opened = openAny(config.value, f.at('typedConfig'), f.context);
  if (opened === null) return null;
  if (isType(opened, OpenTelemetryConfigSchema)) return decodeOtlp(opened);
  return opened.invalid('', `${opened.schema.typeName} is no tracer`);
}

function decodeOtlp(f: Fields<typeof OpenTelemetryConfigSchema>): TracingProvider | null {
  const service = f.child('httpService', HttpServiceSchema);
  const serviceName = f.take('serviceName');
  f.end();
  const uri = service?.child('httpUri', HttpUriSchema);
  if (service === null || uri === null || uri === undefined)
    return f.invalid('', 'http_service with an http_uri is required');
  const provider = {
    serviceName,
    uri: uri.take('uri'),
    cluster: uri.take('httpUpstreamType').value ?? '',
    timeoutMs: uri.ms('timeout', 0),
    headers: decodeAdds(service, 'requestHeadersToAdd', service.take('requestHeadersToAdd')),
  };
  uri.end();
  service.end();
  return provider;
}
