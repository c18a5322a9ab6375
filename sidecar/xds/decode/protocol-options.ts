// Protocol options that listeners and clusters share.

import type {
  HttpProtocolOptionsSchema as CommonSchema,
  Http1ProtocolOptionsSchema as Http1Schema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import {
  Http1ProtocolOptions_HeaderKeyFormatSchema as KeyFormatSchema,
  HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts';
import type { Http1ServerOptions, HttpConnectionManager } from '../../model/listener.ts';
import type { Fields } from './fields.ts';

export interface CommonHttp {
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxHeadersCount: number;
  readonly maxStreamDurationMs: number;
  readonly underscoresInHeaders: HttpConnectionManager['underscoresInHeaders'];
  readonly maxRequestsPerConnection: number;
  /** Bytes that an upstream's head may have; null: not said. */
  readonly maxResponseHeadersBytes: number | null;
}

const HOUR_MS = 3_600_000;

/** Envoy's defaults; 0 stands for "no limit" in durations and requests per connection. */
export const DEFAULT_COMMON_HTTP: CommonHttp = {
  idleTimeoutMs: HOUR_MS,
  maxConnectionDurationMs: 0,
  maxHeadersCount: 100,
  maxStreamDurationMs: 0,
  underscoresInHeaders: 'allow',
  maxRequestsPerConnection: 0,
  maxResponseHeadersBytes: null,
};

const UNDERSCORES: Readonly<Record<Underscores, CommonHttp['underscoresInHeaders']>> = {
  [Underscores.ALLOW]: 'allow',
  [Underscores.REJECT_REQUEST]: 'reject',
  [Underscores.DROP_HEADER]: 'drop',
};

export function decodeCommonHttp(f: Fields<typeof CommonSchema> | null): CommonHttp {
  if (f === null) return DEFAULT_COMMON_HTTP;
  const options: CommonHttp = {
    idleTimeoutMs: f.ms('idleTimeout', HOUR_MS),
    maxConnectionDurationMs: f.ms('maxConnectionDuration', 0),
    maxHeadersCount: f.take('maxHeadersCount') ?? DEFAULT_COMMON_HTTP.maxHeadersCount,
    maxStreamDurationMs: f.ms('maxStreamDuration', 0),
    underscoresInHeaders: UNDERSCORES[f.take('headersWithUnderscoresAction')] ?? 'allow',
    maxRequestsPerConnection: f.take('maxRequestsPerConnection') ?? 0,
    maxResponseHeadersBytes: kilobytes(f.take('maxResponseHeadersKb')),
  };
  f.end();
  return options;
}

function kilobytes(value: number | undefined): number | null {
  return value === undefined ? null : value * 1024;
}

export type HeaderCase = Http1ServerOptions['headerCase'];

export function decodeHttp1Server(f: Fields<typeof Http1Schema> | null): Http1ServerOptions {
  if (f === null)
    return {
      acceptHttp10: false,
      customMethods: false,
      defaultHostForHttp10: '',
      enableTrailers: false,
      allowAbsoluteUrl: true,
      headerCase: 'lower',
    };
  f.ignore('sendFullyQualifiedUrl');
  const options: Http1ServerOptions = {
    acceptHttp10: f.take('acceptHttp10'),
    customMethods: f.take('allowCustomMethods'),
    defaultHostForHttp10: f.take('defaultHostForHttp10'),
    enableTrailers: f.take('enableTrailers'),
    allowAbsoluteUrl: f.take('allowAbsoluteUrl') ?? true,
    headerCase: decodeHeaderCase(f),
  };
  if (f.message.overrideStreamErrorOnInvalidHttpMessage !== true) f.ignore('overrideStreamErrorOnInvalidHttpMessage');
  endHttp1(f);
  return options;
}

export interface Http1Client {
  readonly enableTrailers: boolean;
  readonly headerCase: HeaderCase;
}

export function decodeHttp1Client(f: Fields<typeof Http1Schema> | null): Http1Client {
  if (f === null) return { enableTrailers: false, headerCase: 'lower' };
  // These speak of requests that are received.
  f.ignore('allowAbsoluteUrl', 'acceptHttp10', 'defaultHostForHttp10', 'overrideStreamErrorOnInvalidHttpMessage');
  const options = { enableTrailers: f.take('enableTrailers'), headerCase: decodeHeaderCase(f) };
  endHttp1(f);
  return options;
}

/** There is one strict parser here; a message framed in two ways is never let through. */
function endHttp1(f: Fields<typeof Http1Schema>): void {
  f.ignore('useBalsaParser');
  f.security('allowChunkedLength');
  f.end();
}

function decodeHeaderCase(parent: Fields<typeof Http1Schema>): HeaderCase {
  const f = parent.child('headerKeyFormat', KeyFormatSchema);
  const format = f?.take('headerFormat');
  f?.end();
  if (f !== null && format?.case === 'statefulFormatter') f.unsupported('statefulFormatter');
  return format?.case === 'properCaseWords' ? 'proper-case' : 'lower';
}
