// RouteConfiguration: virtual hosts and their routes.

import { DataSourceSchema, MetadataSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { RouteSchema as RouteSchemaType } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import {
  DecoratorSchema,
  DirectResponseActionSchema,
  RouteAction_RequestMirrorPolicySchema as MirrorSchema,
  RedirectActionSchema,
  RetryPolicySchema,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  VirtualHost_TlsRequirementType as TlsRequirement,
  VirtualHostSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import type { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts';
import type { Route, RouteAction, RouteConfiguration, VirtualHost } from '../../model/route.ts';
import { decodeData } from './data-source.ts';
import type { Fields } from './fields.ts';
import { decodeMutations } from './header-mutations.ts';
import { asksForSafeRetries, decodeMetadata } from './metadata.ts';
import { decodePerFilterConfig } from './per-filter.ts';
import { decodeRedirect } from './redirect.ts';
import { decodeRetryPolicy } from './retry.ts';
import type { RouteScope } from './route-action.ts';
import { decodeForward, decodeMirror } from './route-action.ts';
import { decodeRouteMatch } from './route-match.ts';

const DEFAULT_DIRECT_BODY_BYTES = 4096;

/** `inline`: stands in a listener, where clusters are validated unless the configuration says otherwise. */
export function decodeRouteConfiguration(
  f: Fields<typeof RouteConfigurationSchema>,
  inline: boolean,
): RouteConfiguration {
  const validate = f.take('validateClusters') ?? inline;
  const scope: RouteScope = {
    clusters: validate ? f.context.clusters : null,
    maxDirectBodyBytes: f.take('maxDirectResponseBodySizeBytes') ?? DEFAULT_DIRECT_BODY_BYTES,
  };
  const hosts = f.children('virtualHosts', VirtualHostSchema);
  checkDomains(hosts);
  const configuration: RouteConfiguration = {
    name: f.take('name'),
    virtualHosts: hosts.map((host) => decodeVirtualHost(host, scope)),
    headers: decodeMutations(f),
    internalOnlyHeaders: f.take('internalOnlyHeaders').map((name) => name.toLowerCase()),
    mostSpecificHeaderMutationsWins: f.take('mostSpecificHeaderMutationsWins'),
    ignorePortInHostMatching: f.take('ignorePortInHostMatching'),
    requestMirrors: f.children('requestMirrorPolicies', MirrorSchema).map((mirror) => decodeMirror(mirror, scope)),
    typedPerFilterConfig: decodePerFilterConfig(
      f.take('typedPerFilterConfig'),
      f.at('typedPerFilterConfig'),
      f.context,
    ),
    metadata: decodeMetadata(f.child('metadata', MetadataSchema)),
  };
  f.end();
  return configuration;
}

/** A domain may stand once in the whole configuration; case does not count. */
function checkDomains(hosts: readonly Fields<typeof VirtualHostSchema>[]): void {
  const seen = new Set<string>();
  for (const host of hosts) {
    for (const [index, domain] of host.message.domains.entries()) {
      const key = domain.toLowerCase();
      const place = `${host.at('domains')}[${index}]`;
      if (seen.has(key))
        host.context.problems.add(
          'invalid',
          place,
          key === '*' ? 'only a single wildcard domain is permitted' : `"${domain}" stands twice`,
        );
      seen.add(key);
    }
  }
}

const TLS: Readonly<Record<TlsRequirement, VirtualHost['requireTls']>> = {
  [TlsRequirement.NONE]: 'none',
  [TlsRequirement.EXTERNAL_ONLY]: 'external-only',
  [TlsRequirement.ALL]: 'all',
};

function decodeVirtualHost(f: Fields<typeof VirtualHostSchema>, scope: RouteScope): VirtualHost {
  const retry = f.child('retryPolicy', RetryPolicySchema);
  const metadata = f.child('metadata', MetadataSchema);
  // Rate limits and CORS act only through their filters, which would be refused where they stand.
  f.ignore('rateLimits', 'cors');
  const host: VirtualHost = {
    name: f.take('name'),
    domains: f.take('domains').map((domain) => domain.toLowerCase()),
    routes: f.children('routes', RouteSchema).map((route) => decodeRoute(route, scope)),
    requireTls: TLS[f.take('requireTls')] ?? 'none',
    headers: decodeMutations(f),
    retryPolicy: retry === null ? null : decodeRetryPolicy(retry, asksForSafeRetries(metadata)),
    includeRequestAttemptCount: f.take('includeRequestAttemptCount'),
    includeAttemptCountInResponse: f.take('includeAttemptCountInResponse'),
    requestMirrors: f.children('requestMirrorPolicies', MirrorSchema).map((mirror) => decodeMirror(mirror, scope)),
    typedPerFilterConfig: decodePerFilterConfig(
      f.take('typedPerFilterConfig'),
      f.at('typedPerFilterConfig'),
      f.context,
    ),
    metadata: decodeMetadata(metadata),
  };
  f.end();
  return host;
}

function decodeRoute(f: Fields<typeof RouteSchemaType>, scope: RouteScope): Route {
  const match = f.child('match', RouteMatchSchema);
  const metadata = f.child('metadata', MetadataSchema);
  f.ignore('statPrefix');
  const route: Route = {
    name: f.take('name'),
    match: match === null ? NO_MATCH : decodeRouteMatch(match),
    action: decodeAction(f, scope, asksForSafeRetries(metadata)),
    headers: decodeMutations(f),
    metadata: decodeMetadata(metadata),
    decorator: decodeDecorator(f.child('decorator', DecoratorSchema)),
    typedPerFilterConfig: decodePerFilterConfig(
      f.take('typedPerFilterConfig'),
      f.at('typedPerFilterConfig'),
      f.context,
    ),
  };
  f.end();
  return route;
}

/** Stands for a match that was refused. */
const NO_MATCH: Route['match'] = {
  path: { kind: 'exact', value: '', caseSensitive: true },
  headers: [],
  query: [],
  cookies: [],
  grpc: false,
  runtimeFraction: null,
  tls: null,
};

function decodeAction(f: Fields<typeof RouteSchemaType>, scope: RouteScope, safeRetries: boolean): RouteAction {
  const action = f.take('action');
  switch (action.case) {
    case 'route':
      return {
        kind: 'forward',
        ...decodeForward(f.choice('route', action.value, RouteActionSchema), scope, safeRetries),
      };
    case 'redirect':
      return { kind: 'redirect', ...decodeRedirect(f.choice('redirect', action.value, RedirectActionSchema)) };
    case 'directResponse':
      return decodeDirect(f.choice('directResponse', action.value, DirectResponseActionSchema), scope);
    case 'filterAction':
      f.unsupported('filterAction');
      return { kind: 'none' };
    default:
      return { kind: 'none' };
  }
}

function decodeDirect(f: Fields<typeof DirectResponseActionSchema>, scope: RouteScope): RouteAction {
  const source = f.child('body', DataSourceSchema);
  const status = f.take('status');
  f.end();
  const body = source === null ? null : decodeData(source);
  if (body !== null && body.length > scope.maxDirectBodyBytes) {
    f.invalid('body', `response body size is ${body.length} bytes; maximum is ${scope.maxDirectBodyBytes}`);
  }
  return { kind: 'direct', status, body: body ?? Buffer.alloc(0) };
}

function decodeDecorator(f: Fields<typeof DecoratorSchema> | null): Route['decorator'] {
  if (f === null) return null;
  const decorator = { operation: f.take('operation'), propagate: f.take('propagate') ?? true };
  f.end();
  return decorator;
}
