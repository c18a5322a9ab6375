// /config_dump: the configuration as the program holds it, whole or in part, without secrets. Works on the
// JSON form of Envoy's admin messages; whoever owns the resources makes it.

import type { PageResponse } from '../../core/admin.ts';
import { nameFilter } from '../telemetry/render.ts';
import { isObject, type Json, type JsonObject, jsonPage } from './json.ts';

/** `{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "static_clusters": [...]}` */
export type DumpSection = JsonObject;

export const REDACTED = '[redacted]';
/** The same in base64, for bytes. */
const REDACTED_BYTES = Buffer.from(REDACTED).toString('base64');

export function configDumpPage(sections: readonly DumpSection[], query: URLSearchParams): PageResponse {
  const wanted = nameFilter(query.get('name_regex'));
  if (typeof wanted === 'string') return refusal(400, `Error while parsing name_regex: ${wanted}`);
  const named = sections.map((section) => onlyNamed(section, wanted));
  const resource = query.get('resource');
  const mask = query.get('mask');
  const chosen = resource === null ? named : elementsOf(named, resource);
  if (chosen === null) return refusal(404, `${resource} not found in config dump`);
  const masked = mask === null ? chosen : applyMask(chosen, mask);
  if (masked.length === 0 && mask !== null)
    return refusal(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  return jsonPage({ configs: masked.map((config) => redacted(config)) });
}

function refusal(status: number, body: string): PageResponse {
  return { status, contentType: 'text/plain', body };
}

/** What an element of each list is called in `@type`. */
const ELEMENT_TYPES: Readonly<Record<string, string>> = {
  static_clusters: 'ClustersConfigDump.StaticCluster',
  dynamic_active_clusters: 'ClustersConfigDump.DynamicCluster',
  dynamic_warming_clusters: 'ClustersConfigDump.DynamicCluster',
  static_listeners: 'ListenersConfigDump.StaticListener',
  dynamic_listeners: 'ListenersConfigDump.DynamicListener',
  static_route_configs: 'RoutesConfigDump.StaticRouteConfig',
  dynamic_route_configs: 'RoutesConfigDump.DynamicRouteConfig',
  static_endpoint_configs: 'EndpointsConfigDump.StaticEndpointConfig',
  dynamic_endpoint_configs: 'EndpointsConfigDump.DynamicEndpointConfig',
  static_secrets: 'SecretsConfigDump.StaticSecret',
  dynamic_active_secrets: 'SecretsConfigDump.DynamicSecret',
  dynamic_warming_secrets: 'SecretsConfigDump.DynamicSecret',
};

/** The elements of the list of that name; null when there is no such list. */
function elementsOf(sections: readonly DumpSection[], resource: string): DumpSection[] | null {
  const found = sections.find((section) => Object.hasOwn(section, resource))?.[resource];
  if (isObject(found)) return [found];
  if (!Array.isArray(found)) return Object.hasOwn(ELEMENT_TYPES, resource) ? [] : null;
  const type = `type.googleapis.com/envoy.admin.v3.${ELEMENT_TYPES[resource] ?? resource}`;
  return found.filter(isObject).map((element) => ({ '@type': type, ...element }));
}

/** Lists of resources without those whose name is not wanted. */
function onlyNamed(section: DumpSection, wanted: (name: string) => boolean): DumpSection {
  const kept = Object.entries(section).map(([key, value]) => {
    if (!Array.isArray(value)) return [key, value];
    return [key, value.filter((element: Json) => wanted(nameOf(element)))];
  });
  return Object.fromEntries(kept);
}

/** The name of an element, or of the resource in it. */
function nameOf(element: Json): string {
  if (!isObject(element)) return '';
  for (const key of ['name', 'cluster_name']) if (typeof element[key] === 'string') return element[key];
  for (const key of ['cluster', 'listener', 'route_config', 'endpoint_config', 'secret']) {
    if (isObject(element[key])) return nameOf(element[key]);
  }
  return '';
}

/** Only the fields of a mask (`a.b,c`); what is left empty goes. */
function applyMask(configs: readonly DumpSection[], mask: string): DumpSection[] {
  const paths = mask.split(',').map((path) => path.trim().split('.'));
  return configs.flatMap((config) => {
    const kept = masked(config, paths);
    return isObject(kept) && Object.keys(kept).some((key) => key !== '@type') ? [kept] : [];
  });
}

function masked(value: Json | undefined, paths: readonly (readonly string[])[]): Json | undefined {
  if (value === undefined || paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) return value.map((item: Json) => masked(item, paths) ?? null);
  if (!isObject(value)) return undefined;
  const kept: Record<string, Json> = typeof value['@type'] === 'string' ? { '@type': value['@type'] } : {};
  for (const [first, group] of Map.groupBy(paths, ([head]) => head as string)) {
    const child = masked(
      value[first],
      group.map(([, ...rest]) => rest),
    );
    if (child !== undefined) kept[first] = child;
  }
  return kept;
}

/** Fields whose whole content is secret (Envoy marks them `sensitive`). */
const SENSITIVE = new Set([
  'private_key',
  'password',
  'session_ticket_keys',
  'pkcs12',
  'client_secret',
  'token_secret',
  'hmac_secret',
]);

function redacted(value: Json, parent = ''): Json {
  if (Array.isArray(value)) return value.map((item: Json) => redacted(item, parent));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, child]) => {
    if (child === undefined) return [];
    const secret = SENSITIVE.has(key) || (key === 'secret' && parent === 'generic_secret');
    return [[key, secret ? blank(child) : redacted(child, key)] as const];
  });
  return Object.fromEntries(entries);
}

/** Every text in it replaced. */
function blank(value: Json, key = ''): Json {
  if (typeof value === 'string') return key === 'inline_bytes' ? REDACTED_BYTES : REDACTED;
  if (Array.isArray(value)) return value.map((item: Json) => blank(item, key));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, child === undefined ? null : blank(child, name)]),
  );
}
