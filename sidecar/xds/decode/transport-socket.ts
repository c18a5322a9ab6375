// Transport sockets: TLS or plain.

import type { TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { RawBufferSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { DownstreamTls, UpstreamTls } from '../../model/tls.ts';
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

export function decodeUpstreamSocket(f: Fields<typeof TransportSocketSchema> | null): UpstreamTls | null {
  const opened = open(f);
  if (opened === null) return null;
  if (isType(opened, UpstreamTlsContextSchema)) return decodeUpstreamTls(opened);
  return opened.invalid('', `${opened.schema.typeName} is no transport socket of a cluster`);
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
