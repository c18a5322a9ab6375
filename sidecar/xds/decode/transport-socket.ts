// Transport sockets: TLS or plain, towards an upstream also with a PROXY header before either.

import { TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import {
  ProxyProtocolConfigSchema,
  ProxyProtocolConfig_Version as Version,
} from '../../../proto/gen/envoy/config/core/v3/proxy_protocol_pb.ts';
import { ProxyProtocolUpstreamTransportSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts';
import { RawBufferSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { Cluster } from '../../model/cluster.ts';
import type { DownstreamTls } from '../../model/tls.ts';
import type { Extension } from './any.ts';
import { isType, openAny } from './any.ts';
import type { Fields } from './fields.ts';
import { decodeDownstreamTls, decodeUpstreamTls } from './tls.ts';

export function decodeDownstreamSocket(f: Fields<typeof TransportSocketSchema> | null): DownstreamTls | null {
  const opened = open(f);
  if (opened === null) return null;
  if (isType(opened, DownstreamTlsContextSchema)) return decodeDownstreamTls(opened);
  return opened.invalid('', `${opened.schema.typeName} is no transport socket of a listener`);
}

type UpstreamSocket = Pick<Cluster, 'tls' | 'proxyProtocol'>;

const PLAIN: UpstreamSocket = { tls: null, proxyProtocol: null };

export function decodeUpstreamSocket(f: Fields<typeof TransportSocketSchema> | null): UpstreamSocket {
  const opened = open(f);
  if (opened === null) return PLAIN;
  if (isType(opened, UpstreamTlsContextSchema)) return { tls: decodeUpstreamTls(opened), proxyProtocol: null };
  if (isType(opened, ProxyProtocolUpstreamTransportSchema)) return decodeProxySocket(opened);
  opened.invalid('', `${opened.schema.typeName} is no transport socket of a cluster`);
  return PLAIN;
}

function decodeProxySocket(f: Fields<typeof ProxyProtocolUpstreamTransportSchema>): UpstreamSocket {
  const config = f.child('config', ProxyProtocolConfigSchema);
  const version = config?.take('version') === Version.V2 ? 2 : 1;
  config?.end();
  const { tls, proxyProtocol } = decodeUpstreamSocket(f.child('transportSocket', TransportSocketSchema));
  if (proxyProtocol !== null) f.unsupported('transportSocket', 'may not be a second PROXY header');
  f.end();
  return { tls, proxyProtocol: version };
}

/** Null: plain. Leaving out an unknown socket would send in the clear what was meant to be wrapped. */
function open(f: Fields<typeof TransportSocketSchema> | null): Extension | null {
  if (f === null) return null;
  const config = f.take('configType');
  f.ignore('name');
  f.end();
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const opened = openAny(config.value, f.at('typedConfig'), f.context, 'security');
  return opened === null || isType(opened, RawBufferSchema) ? null : opened;
}
