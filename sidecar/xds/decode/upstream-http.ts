// HTTP towards upstreams: the typed protocol options, or the older fields of the cluster itself.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts';
import type { UpstreamHttpProtocolOptionsSchema as SniSchema } from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
  UpstreamHttpProtocolOptionsSchema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import { HttpFilterSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import {
  HttpProtocolOptions_AutoHttpConfigSchema as AutoSchema,
  HttpProtocolOptions_UseDownstreamHttpConfigSchema as DownstreamSchema,
  HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  HttpProtocolOptionsSchema as OptionsSchema,
} from '../../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type { UpstreamHttp } from '../../model/cluster.ts';
import type { Http2Options } from '../../model/http2.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { DEFAULT_HTTP2, decodeHttp2 } from './http2-options.ts';
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

/** How the upstream is spoken to. */
interface Protocol {
  readonly protocol: UpstreamHttp['protocol'];
  readonly http1: Http1Client;
  readonly http2: Http2Options;
}

const PLAIN: Protocol = { protocol: 'http1', http1: decodeHttp1Client(null), http2: DEFAULT_HTTP2 };

function assemble({ protocol, http1, http2 }: Protocol, common: CommonHttp, sni: Sni): UpstreamHttp {
  return {
    protocol,
    http2,
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
  const http2 = f.child('http2ProtocolOptions', Http2ProtocolOptionsSchema);
  const sni = f.child('upstreamHttpProtocolOptions', UpstreamHttpProtocolOptionsSchema);
  const perConnection = f.take('maxRequestsPerConnection') ?? common.maxRequestsPerConnection;
  const protocol = { protocol: http2 === null ? 'http1' : 'http2', http1, http2: decodeHttp2(http2) } as const;
  return assemble(
    protocol,
    { ...common, maxRequestsPerConnection: perConnection },
    sni === null ? NO_SNI : decodeSni(sni),
  );
}

function decodeTyped(cluster: Fields<typeof ClusterSchema>, any: Any): UpstreamHttp {
  const path = `${cluster.at('typedExtensionProtocolOptions')}["${OPTIONS_KEY}"]`;
  const opened = openAny(any, path, cluster.context);
  if (opened !== null && !isType(opened, OptionsSchema)) opened.invalid('', `${typeName(any)} does not belong here`);
  if (opened === null || !isType(opened, OptionsSchema)) return assemble(PLAIN, decodeCommonHttp(null), NO_SNI);
  // The older fields mean nothing beside these.
  cluster.ignore(
    'commonHttpProtocolOptions',
    'httpProtocolOptions',
    'http2ProtocolOptions',
    'upstreamHttpProtocolOptions',
    'maxRequestsPerConnection',
  );
  return decodeOptions(opened);
}

const CODEC_FILTER = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';

function decodeOptions(f: Fields<typeof OptionsSchema>): UpstreamHttp {
  const common = decodeCommonHttp(f.child('commonHttpProtocolOptions', HttpProtocolOptionsSchema));
  const sni = f.child('upstreamHttpProtocolOptions', UpstreamHttpProtocolOptionsSchema);
  for (const filter of f.children('httpFilters', HttpFilterSchema)) {
    const { configType } = filter.message;
    if (configType.case !== 'typedConfig' || typeName(configType.value) !== CODEC_FILTER)
      filter.unsupported('', 'filters towards upstreams are not supported by fairlead');
  }
  const protocol = decodeProtocol(f);
  f.end();
  return assemble(protocol, common, sni === null ? NO_SNI : decodeSni(sni));
}

function decodeProtocol(f: Fields<typeof OptionsSchema>): Protocol {
  const options = f.take('upstreamProtocolOptions');
  switch (options.case) {
    case 'explicitHttpConfig':
      return decodeExplicit(f.choice('explicitHttpConfig', options.value, ExplicitSchema));
    case 'useDownstreamProtocolConfig':
      return {
        protocol: 'downstream',
        ...decodeBoth(f.choice('useDownstreamProtocolConfig', options.value, DownstreamSchema)),
      };
    case 'autoConfig':
      return { protocol: 'alpn', ...decodeBoth(f.choice('autoConfig', options.value, AutoSchema)) };
    case undefined:
      return PLAIN;
  }
}

function decodeExplicit(f: Fields<typeof ExplicitSchema>): Protocol {
  const config = f.take('protocolConfig');
  f.end();
  switch (config.case) {
    case 'httpProtocolOptions': {
      const http1 = f.choice('httpProtocolOptions', config.value, Http1ProtocolOptionsSchema);
      return { ...PLAIN, http1: decodeHttp1Client(http1) };
    }
    case 'http2ProtocolOptions': {
      const http2 = f.choice('http2ProtocolOptions', config.value, Http2ProtocolOptionsSchema);
      return { ...PLAIN, protocol: 'http2', http2: decodeHttp2(http2) };
    }
    case 'http3ProtocolOptions':
      f.unsupported('http3ProtocolOptions', 'HTTP/3 is not supported by fairlead');
      return PLAIN;
    case undefined:
      return PLAIN;
  }
}

/** Options of both versions, of which the connection will have one. */
function decodeBoth(f: Fields<typeof DownstreamSchema> | Fields<typeof AutoSchema>): Omit<Protocol, 'protocol'> {
  const own = f as Fields<typeof DownstreamSchema>;
  const http1 = own.child('httpProtocolOptions', Http1ProtocolOptionsSchema);
  const http2 = own.child('http2ProtocolOptions', Http2ProtocolOptionsSchema);
  own.ignore('http3ProtocolOptions');
  f.end();
  return { http1: decodeHttp1Client(http1), http2: decodeHttp2(http2) };
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
