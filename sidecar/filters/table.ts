// Which filter is made of which configuration: one row per kind. The router is no filter here: it is the
// forwarding loop that comes after all of them.

import type { HttpFilter } from '../model/filter.ts';
import type { RbacStats } from '../telemetry/cells/http.ts';
import type { Filter } from './filter.ts';
import { type GrpcMethodsOf, grpcStatsFilter } from './grpc-stats.ts';
import { grpcWebFilter } from './grpc-web.ts';
import { rbacFilter } from './rbac.ts';

export interface FilterContext {
  rbacStats(prefix: string): RbacStats;
  readonly grpcMethods: GrpcMethodsOf;
}

/** null: nothing to run. `base` is the filter as the connection manager has it, before a route's override. */
export type BuildFilter = (filter: HttpFilter, base: HttpFilter) => Filter | null;

export function filterBuilder(context: FilterContext): BuildFilter {
  return (filter, base) => {
    const { config } = filter;
    if (config.kind === 'grpc-web') return grpcWebFilter(filter.name);
    if (config.kind === 'grpc-stats') return grpcStatsFilter(filter.name, config, context.grpcMethods);
    if (config.kind !== 'rbac') return null;
    const prefix = base.config.kind === 'rbac' ? base.config.statPrefix : config.statPrefix;
    return rbacFilter(filter.name, config, context.rbacStats(prefix));
  };
}
