// envoy.filters.http.grpc_stats as data: which methods of gRPC have figures of their own.

import {
  GrpcMethodListSchema,
  GrpcMethodList_ServiceSchema as ServiceSchema,
} from '../../../proto/gen/envoy/config/core/v3/grpc_method_list_pb.ts';
import type { FilterConfigSchema } from '../../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts';
import type { GrpcStatsConfig, TypedFilterConfig } from '../../model/filter.ts';
import type { Fields } from './fields.ts';

export function decodeGrpcStats(f: Fields<typeof FilterConfigSchema>): TypedFilterConfig {
  const methods = decodeMethods(f);
  f.note('emitFilterState', 'has no effect: there is no filter state here that anything could read');
  const config: GrpcStatsConfig = {
    methods,
    // Names of the operator's own list are shown as they stand there.
    replaceDots: f.take('replaceDotsInGrpcServiceName') && methods === 'all',
    upstreamTimes: f.take('enableUpstreamStats'),
  };
  f.end();
  return { kind: 'grpc-stats', ...config };
}

/** Without a word, Envoy tells no methods apart. */
function decodeMethods(f: Fields<typeof FilterConfigSchema>): GrpcStatsConfig['methods'] {
  const specifier = f.take('perMethodStatSpecifier');
  if (specifier.case === 'statsForAllMethods') return specifier.value.value ? 'all' : 'none';
  if (specifier.case === undefined) return 'none';
  const list = f.choice('individualMethodStatsAllowlist', specifier.value, GrpcMethodListSchema);
  const names = list.children('services', ServiceSchema).flatMap((service) => {
    const name = service.take('name');
    return service.take('methodNames').map((method) => `${name}/${method}`);
  });
  return new Set(names);
}
