// JSON as Envoy's admin pages print it: indented by one space.

import type { PageResponse } from '../../core/admin.ts';
import { isPipe } from '../../core/addresses.ts';
import type { Json } from '../../core/json.ts';

export { isObject, type Json, type JsonObject } from '../../core/json.ts';

/** `core.v3.Address`. */
export function addressJson({ host, port }: { readonly host: string; readonly port: number }): Json {
  return isPipe(host) ? { pipe: { path: host } } : { socket_address: { address: host, port_value: port } };
}

export function jsonPage(value: Json): PageResponse {
  return { contentType: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}
