// Filter configuration of a route, virtual host or weighted cluster: overrides by the filter's name.

import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts';
import { RBACPerRouteSchema } from '../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import { schemaOf } from '../../../proto/registry.ts';
import type { TypedFilterConfig } from '../../model/filter.ts';
import { isType, openAny, typeName } from './any.ts';
import type { DecodeContext, Fields } from './fields.ts';
import { decodeRbacPerRoute } from './rbac.ts';
import { unsupportedKind } from './unsupported-filters.ts';

export type PerFilterConfig = ReadonlyMap<string, TypedFilterConfig>;

export const NO_FILTER_CONFIG: PerFilterConfig = new Map();

export function decodePerFilterConfig(
  map: Readonly<Record<string, Any>>,
  path: string,
  context: DecodeContext,
): PerFilterConfig {
  const names = Object.keys(map);
  if (names.length === 0) return NO_FILTER_CONFIG;
  const decoded = new Map<string, TypedFilterConfig>();
  for (const name of names) {
    const any = map[name];
    const config = any === undefined ? null : decodeOne(any, `${path}[${JSON.stringify(name)}]`, context);
    if (config !== null) decoded.set(name, config);
  }
  return decoded;
}

function decodeOne(any: Any, path: string, context: DecodeContext): TypedFilterConfig | null {
  const opened = openAny(any, path, context, unsupportedKind(typeName(any)));
  if (opened === null) return null;
  if (isType(opened, FilterConfigSchema)) return decodeFilterConfig(opened);
  if (isType(opened, RBACPerRouteSchema)) return decodeRbacPerRoute(opened);
  opened.invalid('', `${opened.schema.typeName} is no filter configuration for routes`);
  return null;
}

/** FilterConfig: switched off, optional (of an unknown type: passed over), or a wrapper around the configuration. */
function decodeFilterConfig(f: Fields<typeof FilterConfigSchema>): TypedFilterConfig | null {
  const disabled = f.take('disabled');
  f.ignore('isOptional');
  const config = f.take('config');
  f.end();
  if (disabled) return { kind: 'disabled' };
  if (config === undefined) return f.invalid('config', 'is required unless the filter is disabled');
  // An empty one says that the filter is on, and no more (as Envoy).
  if (config.typeUrl === '' && config.value.length === 0) return { kind: 'enabled' };
  const optional = f.message.isOptional && unsupportedKind(typeName(config)) === 'unsupported';
  if (optional && schemaOf(typeName(config)) === undefined) return null;
  return decodeOne(config, f.at('config'), f.context);
}
