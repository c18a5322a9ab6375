// layered_runtime. There is no runtime here: a layer may be there as long as it changes nothing, and three
// kinds of key that Envoy has no other place for are read once.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { LayeredRuntimeSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { RuntimeLayerSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import type { Fields } from '../decode/fields.ts';

/** Keys that steer Envoy's own code paths; nothing here reads them and no behaviour of ours hangs on them. */
const INERT_KEYS = /^(?:re2\.|envoy\.reloadable_features\.|envoy\.restart_features\.|envoy\.deprecated_features)/;

const LISTENER_LIMIT = /^envoy\.resource_limits\.listener\.(.+)\.connection_limit$/;
const GLOBAL_LIMIT = 'overload.global_downstream_max_connections';

export interface RuntimeLimits {
  /** null: not said. */
  readonly maxConnections: number | null;
  /** Listener -> connections. */
  readonly byListener: ReadonlyMap<string, number>;
}

export const NO_RUNTIME_LIMITS: RuntimeLimits = { maxConnections: null, byListener: new Map() };

/** Of a key that several layers set, the last one holds. */
export function decodeRuntime(f: Fields<typeof LayeredRuntimeSchema>): RuntimeLimits {
  const values = new Map<string, number>();
  for (const layer of f.children('layers', RuntimeLayerSchema)) {
    const specifier = layer.take('layerSpecifier');
    layer.ignore('name');
    layer.end();
    if (specifier.case === 'staticLayer') readLayer(layer, specifier.value, values);
    else if (specifier.case === 'diskLayer' || specifier.case === 'rtdsLayer') layer.unsupported(specifier.case);
  }
  f.end();
  return limitsOf(values);
}

function readLayer(f: Fields<typeof RuntimeLayerSchema>, layer: JsonObject, values: Map<string, number>): void {
  const loud: string[] = [];
  for (const [key, value] of leaves(layer, '')) {
    if (LISTENER_LIMIT.test(key) || key === GLOBAL_LIMIT) readLimit(f, key, value, values);
    else if (!INERT_KEYS.test(key)) loud.push(key);
  }
  if (loud.length > 0)
    f.unsupported('staticLayer', `the runtime keys ${loud.join(', ')} are not supported by fairlead`);
}

/** Envoy takes a number in quotes too, and no limit for what is none: here that is a mistake. */
function readLimit(
  f: Fields<typeof RuntimeLayerSchema>,
  key: string,
  value: JsonValue,
  values: Map<string, number>,
): void {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  if (/^\d{1,9}$/.test(text)) values.set(key, Number(text));
  else f.invalid('staticLayer', `the runtime key ${key} is not a whole number of 0 to 999999999`);
}

function limitsOf(values: ReadonlyMap<string, number>): RuntimeLimits {
  const byListener = new Map<string, number>();
  for (const [key, most] of values) {
    const listener = LISTENER_LIMIT.exec(key)?.[1];
    if (listener !== undefined) byListener.set(listener, most);
  }
  return { maxConnections: values.get(GLOBAL_LIMIT) ?? null, byListener };
}

/** Keys may be written with dots or nested. */
function leaves(object: JsonObject, path: string): [key: string, value: JsonValue][] {
  return Object.entries(object).flatMap(([key, value]): [string, JsonValue][] => {
    const place = path === '' ? key : `${path}.${key}`;
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value) && !('numerator' in value);
    return nested ? leaves(value, place) : [[place, value]];
  });
}
