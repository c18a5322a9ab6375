// Which HTTP a cluster is spoken to in, in Envoy's protocol options. Between sidecars it is HTTP/2 where both
// offer it in ALPN, whatever the applications speak; an application is spoken to as its port declares.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  HttpProtocolOptionsSchema,
} from '../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { Taken } from './protocol.ts';
import { any } from './resource.ts';

export const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** What a peer in the mesh chooses from, the better first. */
export const MESH_ALPN: readonly string[] = ['h2', 'http/1.1'];

/** Trailers cross a hop in either version: gRPC's status is one, and its port may be asked in HTTP/1.1. */
export const HTTP1_OPTIONS = { enableTrailers: true } as const;

/** A WebSocket crosses HTTP/2 as an extended CONNECT (RFC 8441). */
export const HTTP2_OPTIONS = { allowConnect: true } as const;

/** Towards a service. A service of connections has no options. */
export function towardsService(protocol: Taken, secured: boolean, idleMs: number | null): Record<string, Any> {
  if (protocol === 'tcp') return {};
  return options(
    secured
      ? { case: 'autoConfig', value: { httpProtocolOptions: HTTP1_OPTIONS, http2ProtocolOptions: HTTP2_OPTIONS } }
      : { case: 'explicitHttpConfig', value: declared(protocol) },
    idleMs,
  );
}

/** Towards the application behind an inbound listener. */
export function towardsApplication(protocol: Taken): Record<string, Any> {
  return protocol === 'tcp' ? {} : options({ case: 'explicitHttpConfig', value: declared(protocol) }, null);
}

/** Requests that were found out are passed to the application in HTTP/1.1, as those of `http`. */
function declared(protocol: Taken): MessageInitShape<typeof ExplicitSchema> {
  return protocol === 'http' || protocol === 'detected'
    ? { protocolConfig: { case: 'httpProtocolOptions', value: HTTP1_OPTIONS } }
    : { protocolConfig: { case: 'http2ProtocolOptions', value: HTTP2_OPTIONS } };
}

type Choice = NonNullable<MessageInitShape<typeof HttpProtocolOptionsSchema>['upstreamProtocolOptions']>;

function options(upstreamProtocolOptions: Choice, idleMs: number | null): Record<string, Any> {
  const message = {
    ...(idleMs === null ? {} : { commonHttpProtocolOptions: { idleTimeout: toDuration(idleMs) } }),
    upstreamProtocolOptions,
  };
  return { [HTTP_OPTIONS]: any(HttpProtocolOptionsSchema, message) };
}
