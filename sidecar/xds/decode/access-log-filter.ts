// Which requests a logger (or a local-reply mapper) is for.

import type { AccessLogFilterSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import {
  AndFilterSchema,
  ComparisonFilterSchema,
  DurationFilterSchema,
  AccessLogFilterSchema as FilterSchema,
  GrpcStatusFilterSchema,
  HeaderFilterSchema,
  ComparisonFilter_Op as Op,
  OrFilterSchema,
  ResponseFlagFilterSchema,
  RuntimeFilterSchema,
  StatusCodeFilterSchema,
} from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { RuntimeUInt32Schema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { HeaderMatcherSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { FractionalPercentSchema } from '../../../proto/gen/envoy/type/v3/percent_pb.ts';
import type { AccessLogFilter, Comparison } from '../../model/access-log.ts';
import type { Fields } from './fields.ts';
import { decodeFraction, decodeHeaderMatch } from './matcher.ts';

/** Stands for a filter that was refused. */
const NO_FILTER: AccessLogFilter = { kind: 'fraction', fraction: 0 };

export function decodeAccessLogFilter(f: Fields<typeof AccessLogFilterSchema>): AccessLogFilter {
  const specifier = f.take('filterSpecifier');
  f.end();
  switch (specifier.case) {
    case 'statusCodeFilter':
      return {
        kind: 'status',
        comparison: decodeComparison(f.choice('statusCodeFilter', specifier.value, StatusCodeFilterSchema)),
      };
    case 'durationFilter':
      return {
        kind: 'duration',
        comparison: decodeComparison(f.choice('durationFilter', specifier.value, DurationFilterSchema)),
      };
    case 'notHealthCheckFilter':
      return { kind: 'not-health-check' };
    case 'traceableFilter':
      return { kind: 'traceable' };
    case 'runtimeFilter':
      return decodeRuntime(f.choice('runtimeFilter', specifier.value, RuntimeFilterSchema));
    case 'andFilter':
      return { kind: 'and', filters: decodeSet(f.choice('andFilter', specifier.value, AndFilterSchema)) };
    case 'orFilter':
      return { kind: 'or', filters: decodeSet(f.choice('orFilter', specifier.value, OrFilterSchema)) };
    case 'headerFilter':
      return decodeHeader(f.choice('headerFilter', specifier.value, HeaderFilterSchema));
    case 'responseFlagFilter':
      return decodeFlags(f.choice('responseFlagFilter', specifier.value, ResponseFlagFilterSchema));
    case 'grpcStatusFilter':
      return decodeGrpcStatus(f.choice('grpcStatusFilter', specifier.value, GrpcStatusFilterSchema));
    default:
      if (specifier.case !== undefined) f.unsupported(specifier.case);
      return NO_FILTER;
  }
}

const OPS: Readonly<Record<number, Comparison['op']>> = { [Op.EQ]: 'eq', [Op.GE]: 'ge', [Op.LE]: 'le', [Op.NE]: 'ne' };

/** The default value; there is no runtime here to override it by its key. */
function decodeComparison(
  parent: Fields<typeof StatusCodeFilterSchema> | Fields<typeof DurationFilterSchema>,
): Comparison {
  const f = (parent as Fields<typeof StatusCodeFilterSchema>).child('comparison', ComparisonFilterSchema);
  const value = f?.child('value', RuntimeUInt32Schema);
  const comparison = { op: OPS[f?.take('op') ?? Op.EQ] ?? 'eq', value: value?.take('defaultValue') ?? 0 };
  value?.ignore('runtimeKey');
  for (const part of [value, f, parent]) part?.end();
  return comparison;
}

function decodeRuntime(f: Fields<typeof RuntimeFilterSchema>): AccessLogFilter {
  const percent = f.child('percentSampled', FractionalPercentSchema);
  f.ignore('runtimeKey', 'useIndependentRandomness');
  f.end();
  return { kind: 'fraction', fraction: percent === null ? 0 : decodeFraction(percent) };
}

function decodeSet(f: Fields<typeof AndFilterSchema> | Fields<typeof OrFilterSchema>): AccessLogFilter[] {
  const filters = (f as Fields<typeof AndFilterSchema>).children('filters', FilterSchema).map(decodeAccessLogFilter);
  f.end();
  return filters;
}

function decodeHeader(f: Fields<typeof HeaderFilterSchema>): AccessLogFilter {
  const header = f.child('header', HeaderMatcherSchema);
  f.end();
  return header === null ? NO_FILTER : { kind: 'header', match: decodeHeaderMatch(header) };
}

function decodeFlags(f: Fields<typeof ResponseFlagFilterSchema>): AccessLogFilter {
  const flags = f.take('flags');
  f.end();
  return { kind: 'response-flags', flags };
}

function decodeGrpcStatus(f: Fields<typeof GrpcStatusFilterSchema>): AccessLogFilter {
  const filter = { kind: 'grpc-status' as const, statuses: f.take('statuses'), exclude: f.take('exclude') };
  f.end();
  return filter;
}
