// Figures of gRPC calls by method. The filter stands in every outbound chain, switched off, and routes to services
// of gRPC switch it on: other requests pay nothing, and no listener changes when a service comes.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema as OnRouteSchema } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { FilterConfigSchema } from '../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts';
import type { HttpFilterSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { any } from './resource.ts';

const NAME = 'envoy.filters.http.grpc_stats';

export function grpcStats(on: boolean): MessageInitShape<typeof HttpFilterSchema> {
  const config = { perMethodStatSpecifier: { case: 'statsForAllMethods', value: { value: true } } } as const;
  return {
    name: NAME,
    configType: { case: 'typedConfig', value: any(FilterConfigSchema, config) },
    ...(on ? {} : { disabled: true }),
  };
}

/** For a route: an empty configuration says that the filter is on as it is. */
export function grpcStatsOn(): Record<string, Any> {
  return { [NAME]: any(OnRouteSchema, { config: {} }) };
}
