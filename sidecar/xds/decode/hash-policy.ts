// What of a request is hashed for balancers that place by hash.

import type { RouteAction_HashPolicySchema as HashPolicySchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import {
  RouteAction_HashPolicy_ConnectionPropertiesSchema as ConnectionSchema,
  RouteAction_HashPolicy_CookieSchema as CookieSchema,
  RouteAction_HashPolicy_HeaderSchema as HeaderSchema,
  RouteAction_HashPolicy_QueryParameterSchema as QuerySchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RegexMatchAndSubstituteSchema } from '../../../proto/gen/envoy/type/matcher/v3/regex_pb.ts';
import type { HashPolicy } from '../../model/route.ts';
import type { Fields } from './fields.ts';
import { decodeRegexRewrite } from './regex.ts';

/** One policy, or none where it has no effect (`source_ip: false`) or was refused. */
export function decodeHashPolicy(f: Fields<typeof HashPolicySchema>): HashPolicy[] {
  const specifier = f.take('policySpecifier');
  const terminal = f.take('terminal');
  f.end();
  switch (specifier.case) {
    case 'header':
      return [{ terminal, ...decodeHeader(f.choice('header', specifier.value, HeaderSchema)) }];
    case 'cookie':
      return [{ terminal, ...decodeCookie(f.choice('cookie', specifier.value, CookieSchema)) }];
    case 'connectionProperties':
      return decodeConnection(f.choice('connectionProperties', specifier.value, ConnectionSchema))
        ? [{ terminal, kind: 'source-ip' }]
        : [];
    case 'queryParameter':
      return [{ terminal, kind: 'query', name: decodeQuery(f.choice('queryParameter', specifier.value, QuerySchema)) }];
    // Filter state is set by filters that are refused where they stand: there is nothing to hash.
    default:
      return [];
  }
}

function decodeHeader(f: Fields<typeof HeaderSchema>) {
  const rewrite = f.child('regexRewrite', RegexMatchAndSubstituteSchema);
  const header = {
    kind: 'header' as const,
    name: f.take('headerName').toLowerCase(),
    rewrite: rewrite === null ? null : decodeRegexRewrite(rewrite),
  };
  f.end();
  return header;
}

function decodeCookie(f: Fields<typeof CookieSchema>) {
  const cookie = { kind: 'cookie' as const, name: f.take('name'), ttlMs: f.ms('ttl', null), path: f.take('path') };
  f.end();
  return cookie;
}

function decodeConnection(f: Fields<typeof ConnectionSchema>): boolean {
  const sourceIp = f.take('sourceIp');
  f.end();
  return sourceIp;
}

function decodeQuery(f: Fields<typeof QuerySchema>): string {
  const name = f.take('name');
  f.end();
  return name;
}
