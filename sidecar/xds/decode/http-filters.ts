// The HTTP filter chain: known filters in their order, the router last.

import { GrpcWebSchema } from '../../../proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts';
import { FilterConfigSchema as GrpcStatsSchema } from '../../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts';
import { RBACSchema } from '../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import { RouterSchema } from '../../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts';
import type { HttpFilterSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import type { HttpFilter, TypedFilterConfig } from '../../model/filter.ts';
import type { Extension } from './any.ts';
import { isType, openAny, typeName } from './any.ts';
import type { Fields } from './fields.ts';
import { decodeGrpcStats } from './grpc-stats.ts';
import { decodeRbacFilter } from './rbac.ts';
import { unsupportedKind } from './unsupported-filters.ts';

/** Filters of unknown types are refused, or left out where they are optional and protect nothing. */
export function decodeHttpFilters(list: readonly Fields<typeof HttpFilterSchema>[]): HttpFilter[] {
  const decoded = list.map((f) => ({ f, filter: decodeHttpFilter(f) }));
  for (const [index, { f, filter }] of decoded.entries()) {
    const last = index === decoded.length - 1;
    if (filter?.config.kind === 'router' && !last)
      f.invalid('', `terminal filter ${filter.name} must be the last filter of the chain`);
    if (filter !== null && filter.config.kind !== 'router' && last)
      f.invalid('', `non-terminal filter ${filter.name} is the last filter of the chain`);
  }
  return decoded.flatMap(({ filter }) => filter ?? []);
}

function decodeHttpFilter(f: Fields<typeof HttpFilterSchema>): HttpFilter | null {
  const name = f.take('name');
  const config = f.take('configType');
  const optional = f.take('isOptional');
  const disabled = f.take('disabled');
  f.end();
  if (config.case === 'configDiscovery') return f.add('security', 'configDiscovery', 'is not supported by fairlead');
  if (config.case === undefined) return f.invalid('', 'typed_config is required');
  const kind = unsupportedKind(typeName(config.value));
  const opened = openFilter(f, config.value, optional && kind === 'unsupported' ? 'note' : kind);
  const decoded = opened === null ? null : decodeConfig(opened);
  if (decoded?.kind === 'router' && disabled) f.invalid('disabled', 'a terminal filter cannot be disabled');
  return decoded === null ? null : { name, config: decoded, disabled };
}

function openFilter(
  f: Fields<typeof HttpFilterSchema>,
  config: Parameters<typeof openAny>[0],
  kind: Parameters<typeof openAny>[3],
): Extension | null {
  return openAny(config, f.at('typedConfig'), f.context, kind);
}

function decodeConfig(opened: Extension): TypedFilterConfig | null {
  if (isType(opened, RouterSchema)) return decodeRouter(opened);
  if (isType(opened, RBACSchema)) return decodeRbacFilter(opened);
  if (isType(opened, GrpcWebSchema)) return { kind: 'grpc-web' };
  if (isType(opened, GrpcStatsSchema)) return decodeGrpcStats(opened);
  return opened.invalid('', `${opened.schema.typeName} is no HTTP filter`);
}

function decodeRouter(f: Fields<typeof RouterSchema>): TypedFilterConfig {
  // Statistics of gRPC failures are not kept here.
  f.ignore('suppressGrpcRequestFailureCodeStats');
  const router: TypedFilterConfig = {
    kind: 'router',
    suppressEnvoyHeaders: f.take('suppressEnvoyHeaders'),
    dynamicStats: f.take('dynamicStats') ?? true,
    respectExpectedRqTimeout: f.take('respectExpectedRqTimeout'),
    startChildSpan: f.take('startChildSpan'),
    strictCheckHeaders: f.take('strictCheckHeaders'),
  };
  f.end();
  return router;
}
