// JSON as Envoy's admin pages print it: indented by one space.

import type { PageResponse } from '../../core/admin.ts';

export type Json = string | number | boolean | null | { readonly [key: string]: Json | undefined } | readonly Json[];
export type JsonObject = { readonly [key: string]: Json | undefined };

export function jsonPage(value: Json): PageResponse {
  return { contentType: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
