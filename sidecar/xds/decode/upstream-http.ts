// HTTP towards upstreams: the typed protocol options, or the older fields of the cluster itself.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { UpstreamHttpProtocolOptionsSchema as SniSchema } from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import {
  Http1ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
  UpstreamHttpProtocolOptionsSchema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import { HttpFilterSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import {
  HttpProtocolOptions_UseDownstreamHttpConfigSchema as DownstreamSchema,
  HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  HttpProtocolOptionsSchema as OptionsSchema,
} from '../../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type { UpstreamHttp } from '../../model/cluster.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import type { CommonHttp, Http1Client } from './protocol-options.ts';
import { decodeCommonHttp, decodeHttp1Client } from './protocol-options.ts';

const OPTIONS_KEY = OptionsSchema.typeName;
/** Envoy's limit for HTTP/1 answers, larger than the one for requests. */
const DEFAULT_RESPONSE_HEADER_BYTES = 80 * 1024;

type Sni = Pick<UpstreamHttp, 'autoSni' | 'autoSniHeader' | 'autoSanValidation'>;
const NO_SNI: Sni = { autoSni: false, autoSniHeader: null, autoSanValidation: false };

export function decodeUpstreamHttp(f: Fields<typeof ClusterSchema>): UpstreamHttp {
  const typed = f.take('typedExtensionProtocolOptions');
  for (const key of Object.keys(typed)) {
    if (key !== OPTIONS_KEY && key !== 'envoy.upstreams.http.http_protocol_options')
      f.unsupported('typedExtensionProtocolOptions', `"${key}" is not supported by fairlead`);
  }
  const any = typed[OPTIONS_KEY] ?? typed['envoy.upstreams.http.http_protocol_options'];
  return any === undefined ? decodeOld(f) : decodeTyped(f, any);
}

function assemble(protocol: UpstreamHttp['protocol'], common: CommonHttp, http1: Http1Client, sni: Sni): UpstreamHttp {
  return {
    protocol,
    idleTimeoutMs: common.idleTimeoutMs,
    maxConnectionDurationMs: common.maxConnectionDurationMs,
    maxHeadersCount: common.maxHeadersCount,
    maxHeadersBytes: common.maxResponseHeadersBytes ?? DEFAULT_RESPONSE_HEADER_BYTES,
    maxRequestsPerConnection: common.maxRequestsPerConnection,
    maxStreamDurationMs: common.maxStreamDurationMs,
    enableTrailers: http1.enableTrailers,
    headerCase: http1.headerCase,
    ...sni,
  };
}

/** The fields that typed options replaced. */
function decodeOld(f: Fields<typeof ClusterSchema>): UpstreamHttp {
  const common = decodeCommonHttp(f.child('commonHttpProtocolOptions', HttpProtocolOptionsSchema));
  const http1 = decodeHttp1Client(f.child('httpProtocolOptions', Http1ProtocolOptionsSchema));
  const sni = f.child('upstreamHttpProtocolOptions', UpstreamHttpProtocolOptionsSchema);
  const perConnection = f.take('maxRequestsPerConnection') ?? common.maxRequestsPerConnection;
  const protocol = f.take('http2ProtocolOptions') === undefined ? 'http1' : http2Or(f, f);
  return assemble(
    protocol,
    { ...common, maxRequestsPerConnection: perConnection },
    http1,
    sni === null ? NO_SNI : decodeSni(sni),
  );
}

/** HTTP/2 is spoken by our own gRPC clients only. */
function http2Or(
  cluster: Fields<typeof ClusterSchema>,
  place: { unsupported(name: string, reason: string): void },
): UpstreamHttp['protocol'] {
  if (cluster.context.http2Clusters.has(cluster.message.name)) return 'http2';
  place.unsupported('http2ProtocolOptions', 'HTTP/2 to upstreams is not supported by fairlead yet');
  return 'http1';
}

function decodeTyped(cluster: Fields<typeof ClusterSchema>, any: Any): UpstreamHttp {
  const path = `${cluster.at('typedExtensionProtocolOptions')}["${OPTIONS_KEY}"]`;
  const opened = openAny(any, path, cluster.context);
  if (opened !== null && !isType(opened, OptionsSchema)) opened.invalid('', `${typeName(any)} does not belong here`);
  if (opened === null || !isType(opened, OptionsSchema))
    return assemble('http1', decodeCommonHttp(null), decodeHttp1Client(null), NO_SNI);
  // The older fields mean nothing beside these.
  cluster.ignore(
    'commonHttpProtocolOptions',
    'httpProtocolOptions',
    'http2ProtocolOptions',
    'upstreamHttpProtocolOptions',
    'maxRequestsPerConnection',
  );
  return decodeOptions(cluster, opened);
}

const CODEC_FILTER = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';

function decodeOptions(cluster: Fields<typeof ClusterSchema>, f: Fields<typeof OptionsSchema>): UpstreamHttp {
  const common = decodeCommonHttp(f.child('commonHttpProtocolOptions', HttpProtocolOptionsSchema));
  const sni = f.child('upstreamHttpProtocolOptions', UpstreamHttpProtocolOptionsSchema);
  for (const filter of f.children('httpFilters', HttpFilterSchema)) {
    const { configType } = filter.message;
    if (configType.case !== 'typedConfig' || typeName(configType.value) !== CODEC_FILTER)
      filter.unsupported('', 'filters towards upstreams are not supported by fairlead');
  }
  const { protocol, http1 } = decodeProtocol(cluster, f);
  f.end();
  return assemble(protocol, common, http1, sni === null ? NO_SNI : decodeSni(sni));
}

function decodeProtocol(
  cluster: Fields<typeof ClusterSchema>,
  f: Fields<typeof OptionsSchema>,
): { protocol: UpstreamHttp['protocol']; http1: Http1Client } {
  const options = f.take('upstreamProtocolOptions');
  const plain = { protocol: 'http1' as const, http1: decodeHttp1Client(null) };
  switch (options.case) {
    case 'explicitHttpConfig':
      return decodeExplicit(cluster, f.choice('explicitHttpConfig', options.value, ExplicitSchema));
    case 'useDownstreamProtocolConfig':
      return {
        protocol: 'http1',
        http1: decodeLikeDownstream(f.choice('useDownstreamProtocolConfig', options.value, DownstreamSchema)),
      };
    case 'autoConfig':
      f.unsupported(
        'autoConfig',
        'choosing the upstream protocol by ALPN is not supported by fairlead yet; write explicit_http_config',
      );
      return plain;
    case undefined:
      return plain;
  }
}

function decodeExplicit(
  cluster: Fields<typeof ClusterSchema>,
  f: Fields<typeof ExplicitSchema>,
): { protocol: UpstreamHttp['protocol']; http1: Http1Client } {
  const config = f.take('protocolConfig');
  f.end();
  if (config.case === 'httpProtocolOptions')
    return {
      protocol: 'http1',
      http1: decodeHttp1Client(f.choice('httpProtocolOptions', config.value, Http1ProtocolOptionsSchema)),
    };
  if (config.case === 'http3ProtocolOptions')
    f.unsupported('http3ProtocolOptions', 'HTTP/3 is not supported by fairlead');
  const protocol = config.case === 'http2ProtocolOptions' ? http2Or(cluster, f) : 'http1';
  return { protocol, http1: decodeHttp1Client(null) };
}

/** Requests come in over HTTP/1.1 only, so only those options can matter. */
function decodeLikeDownstream(f: Fields<typeof DownstreamSchema>): Http1Client {
  const http1 = f.child('httpProtocolOptions', Http1ProtocolOptionsSchema);
  f.ignore('http2ProtocolOptions', 'http3ProtocolOptions');
  f.end();
  return decodeHttp1Client(http1);
}

function decodeSni(f: Fields<typeof SniSchema>): Sni {
  const sni = {
    autoSni: f.take('autoSni'),
    autoSniHeader: f.take('overrideAutoSniHeader').toLowerCase() || null,
    autoSanValidation: f.take('autoSanValidation'),
  };
  // Taking these silently would leave a name unchecked that the operator wants checked.
  if (sni.autoSni) f.unsupported('autoSni');
  if (sni.autoSanValidation) f.unsupported('autoSanValidation');
  f.end();
  return sni;
}
