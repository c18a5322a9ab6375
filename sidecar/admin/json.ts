// JSON as Envoy's admin pages print it: indented by one space.

import type { PageResponse } from '../../core/admin.ts';
import type { Json } from '../../core/json.ts';

export { isObject, type Json, type JsonObject } from '../../core/json.ts';

export function jsonPage(value: Json): PageResponse {
  return { contentType: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}
