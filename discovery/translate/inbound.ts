// The route table of an inbound listener: everything goes to the application, if the caller may call. Who
// may is said here and not in the listener, so that a change of policy counts from the next request on.

import { create } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts';
import { ROUTE } from '../../proto/resources.ts';
import { toDuration } from '../../proto/scalars.ts';
import type { AuthorizationPolicy, MeshPolicy } from '../catalog/types.ts';
import { inboundCluster, inboundRoutesName } from './names.ts';
import { rbacRules } from './rbac.ts';
import { type EncodedResource, encodeResource } from './resource.ts';
import { safeRetryMetadata } from './retry.ts';

export interface InboundRoutes {
  readonly service: string;
  readonly appPort: number;
  readonly policies: readonly AuthorizationPolicy[];
  /** Our own sidecar understands the safe form of retries; by others nothing is repeated here. */
  readonly safeRetries: boolean;
}

/** Timeouts and retries between services are the caller's; the last step has none of its own. */
export function inboundRoutes(
  { service, appPort, policies, safeRetries }: InboundRoutes,
  mesh: MeshPolicy,
): EncodedResource {
  const name = inboundRoutesName(service, appPort);
  const metadata = safeRetries ? safeRetryMetadata(null) : null;
  const action = {
    clusterSpecifier: { case: 'cluster', value: inboundCluster(appPort) },
    timeout: toDuration(0),
    // An application that closes an idle connection as we reuse it must not become an error.
    ...(metadata === null ? {} : { retryPolicy: { retryOn: 'reset,reset-before-request', numRetries: 1 } }),
  } as const;
  const route = {
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'route', value: action },
    typedPerFilterConfig: rbacRules(service, policies, mesh),
    ...(metadata === null ? {} : { metadata }),
  } as const;
  const message = create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    virtualHosts: [{ name, domains: ['*'], routes: [route] }],
  });
  return encodeResource(ROUTE, name, RouteConfigurationSchema, message);
}
