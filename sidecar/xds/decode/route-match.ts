// What a route asks of a request.

import { RuntimeFractionalPercentSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type {
  RouteMatchSchema,
  RouteMatch_TlsContextMatchOptionsSchema as TlsOptionsSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import {
  CookieMatcherSchema,
  RouteMatch_GrpcRouteMatchOptionsSchema as GrpcOptionsSchema,
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatch_TlsContextMatchOptionsSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RegexMatcherSchema } from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import type { RouteMatch } from '../../model/route.ts';
import type { Fields } from './fields.ts';
import { decodeCookieMatch, decodeHeaderMatch, decodeQueryMatch, decodeRuntimeFraction } from './matcher.ts';
import { decodeRegex } from './regex.ts';

export function decodeRouteMatch(f: Fields<typeof RouteMatchSchema>): RouteMatch {
  const fraction = f.child('runtimeFraction', RuntimeFractionalPercentSchema);
  const tls = f.child('tlsContext', RouteMatch_TlsContextMatchOptionsSchema);
  const match: RouteMatch = {
    path: decodePath(f),
    headers: f.children('headers', HeaderMatcherSchema).map(decodeHeaderMatch),
    query: f.children('queryParameters', QueryParameterMatcherSchema).map(decodeQueryMatch),
    cookies: f.children('cookies', CookieMatcherSchema).map(decodeCookieMatch),
    grpc: decodeGrpc(f.child('grpc', GrpcOptionsSchema)),
    runtimeFraction: fraction === null ? null : decodeRuntimeFraction(fraction),
    tls: tls === null ? null : decodeTls(tls),
  };
  f.end();
  return match;
}

function decodePath(f: Fields<typeof RouteMatchSchema>): RouteMatch['path'] {
  const specifier = f.take('pathSpecifier');
  const caseSensitive = f.take('caseSensitive') ?? true;
  switch (specifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: specifier.value, caseSensitive };
    case 'path':
      return { kind: 'exact', value: specifier.value, caseSensitive };
    case 'pathSeparatedPrefix':
      return { kind: 'path-separated-prefix', value: specifier.value, caseSensitive };
    case 'safeRegex':
      return { kind: 'regex', regex: decodeRegex(f.choice('safeRegex', specifier.value, RegexMatcherSchema)) };
    case 'connectMatcher':
      return { kind: 'connect' };
    case 'pathMatchPolicy':
      f.unsupported('pathMatchPolicy');
      return { kind: 'prefix', value: '', caseSensitive };
    case undefined:
      return { kind: 'prefix', value: '', caseSensitive };
  }
}

function decodeGrpc(f: Fields<typeof GrpcOptionsSchema> | null): boolean {
  f?.end();
  return f !== null;
}

function decodeTls(f: Fields<typeof TlsOptionsSchema>): RouteMatch['tls'] {
  const tls = { presented: f.take('presented') ?? null, validated: f.take('validated') ?? null };
  f.end();
  return tls;
}
