// Route configurations in protobuf's JSON: mostly valid ones of the fields that are honoured.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Random } from '../random.ts';
import { DURATIONS, HEADERS, HOSTS, host, list, maybe, NAMES, PATHS, PATTERNS } from './words.ts';

const PREFIX = 'type.googleapis.com/envoy.';

/** An Any in JSON. */
export function typed(type: string, fields: JsonObject): JsonObject {
  return { '@type': `${PREFIX}${type}`, ...fields };
}

export function routeConfig(random: Random, name: string): JsonObject {
  return {
    name,
    virtual_hosts: list(random, 1, 3, (i) => virtualHost(random, i)),
    ...maybe(random, 0.1, () => ({ internal_only_headers: [random.pick(HEADERS)] })),
    ...maybe(random, 0.1, () => ({ ignore_port_in_host_matching: true })),
    ...maybe(random, 0.2, () => headerChanges(random)),
    validate_clusters: random.chance(0.1),
  };
}

function virtualHost(random: Random, i: number): JsonObject {
  return {
    name: `host-${i}`,
    domains: i === 0 ? [random.pick(HOSTS)] : [`h${i}.test`],
    routes: list(random, 0, 4, () => route(random)),
    ...maybe(random, 0.2, () => ({ retry_policy: retryPolicy(random) })),
    ...maybe(random, 0.1, () => ({ require_tls: random.pick(['NONE', 'ALL', 'EXTERNAL_ONLY']) })),
    ...maybe(random, 0.1, () => ({ include_request_attempt_count: true })),
    ...maybe(random, 0.2, () => headerChanges(random)),
    ...maybe(random, 0.2, () => perFilter(random)),
  };
}

function route(random: Random): JsonObject {
  const action = random.below(10);
  return {
    match: match(random),
    ...(action < 7 && { route: forward(random) }),
    ...(action === 7 && { redirect: redirect(random) }),
    ...(action > 7 && { direct_response: { status: random.pick([200, 404, 503]), body: { inline_string: 'no' } } }),
    ...maybe(random, 0.2, () => ({ name: random.pick(NAMES) })),
    ...maybe(random, 0.2, () => headerChanges(random)),
    ...maybe(random, 0.2, () => perFilter(random)),
    ...maybe(random, 0.1, () => ({ metadata: { filter_metadata: { a: { b: [1, 'c', null, { d: true }] } } } })),
  };
}

function match(random: Random): JsonObject {
  const path = random.pick(PATHS) || '/';
  const specifiers: readonly JsonObject[] = [
    { prefix: path },
    { path },
    { safe_regex: { regex: random.pick(PATTERNS) || '.*' } },
    { path_separated_prefix: '/a' },
    { prefix: '/' },
  ];
  return {
    ...random.pick(specifiers),
    ...maybe(random, 0.3, () => ({ headers: list(random, 1, 3, () => headerMatch(random)) })),
    ...maybe(random, 0.2, () => ({ query_parameters: [{ name: 'q', string_match: stringMatch(random) }] })),
    ...maybe(random, 0.1, () => ({ runtime_fraction: { default_value: { numerator: 50, denominator: 'HUNDRED' } } })),
    ...maybe(random, 0.1, () => ({ case_sensitive: false })),
  };
}

export function headerMatch(random: Random): JsonObject {
  const specifiers: readonly JsonObject[] = [
    { string_match: stringMatch(random) },
    { present_match: true },
    { range_match: { start: '0', end: '10' } },
    { exact_match: 'a' },
    { safe_regex_match: { regex: random.pick(PATTERNS) || 'a' } },
  ];
  return {
    name: random.pick(HEADERS) || 'x',
    ...random.pick(specifiers),
    ...maybe(random, 0.2, () => ({ invert_match: true })),
  };
}

export function stringMatch(random: Random): JsonObject {
  const text = random.pick(['a', 'spiffe://cluster.local/ns/default/sa/web', '/a']);
  const specifiers: readonly JsonObject[] = [
    { exact: text },
    { prefix: text },
    { suffix: text },
    { contains: text },
    { safe_regex: { regex: random.pick(PATTERNS) || 'a' } },
  ];
  return { ...random.pick(specifiers), ...maybe(random, 0.1, () => ({ ignore_case: true })) };
}

function forward(random: Random): JsonObject {
  const targets: readonly JsonObject[] = [
    { cluster: random.pick(NAMES) },
    { cluster_header: 'x-cluster' },
    { weighted_clusters: { clusters: list(random, 1, 3, (i) => ({ name: NAMES[i] as string, weight: 10 * i + 1 })) } },
  ];
  return {
    ...random.pick(targets),
    ...maybe(random, 0.3, () => ({ timeout: random.pick(DURATIONS) })),
    ...maybe(random, 0.2, () => ({ idle_timeout: random.pick(DURATIONS) })),
    ...maybe(random, 0.3, () => ({ retry_policy: retryPolicy(random) })),
    ...maybe(random, 0.2, () => ({ prefix_rewrite: '/new' })),
    ...maybe(random, 0.1, () => ({ regex_rewrite: { pattern: { regex: '^/a(.*)' }, substitution: '/b\\1' } })),
    ...maybe(random, 0.2, () => ({ host_rewrite_literal: 'b.test' })),
    ...maybe(random, 0.1, () => ({ upgrade_configs: [{ upgrade_type: 'websocket' }] })),
    ...maybe(random, 0.1, () => ({ request_mirror_policies: [{ cluster: random.pick(NAMES) }] })),
    ...maybe(random, 0.1, () => ({ internal_redirect_policy: { max_internal_redirects: 2 } })),
  };
}

function retryPolicy(random: Random): JsonObject {
  return {
    retry_on: random.pick(['5xx', 'connect-failure,reset', 'gateway-error , retriable-4xx', 'nonsense', '']),
    num_retries: random.below(4),
    ...maybe(random, 0.3, () => ({ per_try_timeout: '0.5s' })),
    ...maybe(random, 0.3, () => ({ retry_back_off: { base_interval: '0.01s', max_interval: '0.1s' } })),
    ...maybe(random, 0.2, () => ({ retriable_status_codes: [404, 503] })),
  };
}

function redirect(random: Random): JsonObject {
  return {
    ...maybe(random, 0.5, () => ({ host_redirect: 'b.test' })),
    ...maybe(random, 0.5, () => ({ https_redirect: true })),
    ...maybe(random, 0.5, () => ({ path_redirect: '/new' })),
    response_code: random.pick(['MOVED_PERMANENTLY', 'FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT']),
  };
}

function headerChanges(random: Random): JsonObject {
  const header = { key: random.pick(['x-new', 'X-Other']), value: random.pick(['1', '%PROTOCOL%', 'a b', '']) };
  return {
    request_headers_to_add: [{ header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
    response_headers_to_remove: ['x-old'],
  };
}

function perFilter(random: Random): JsonObject {
  const config = random.chance(0.5)
    ? typed('config.route.v3.FilterConfig', { disabled: true })
    : typed('extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: rbac(random) });
  return { typed_per_filter_config: { 'envoy.filters.http.rbac': config } };
}

export function rbac(random: Random): JsonObject {
  const policy = {
    permissions: list(random, 1, 2, () => permission(random, 3)),
    principals: list(random, 1, 2, () => principal(random, 3)),
  };
  return { rules: { action: random.pick(['ALLOW', 'DENY', 'LOG']), policies: { first: policy } } };
}

function permission(random: Random, depth: number): JsonObject {
  if (depth > 0 && random.chance(0.3)) return combined(random, 'rule', () => permission(random, depth - 1));
  const rules: readonly JsonObject[] = [
    { any: true },
    { header: headerMatch(random) },
    { url_path: { path: stringMatch(random) } },
    { destination_port: 80 },
    { destination_ip: { address_prefix: host(random), prefix_len: 8 } },
  ];
  return random.pick(rules);
}

function principal(random: Random, depth: number): JsonObject {
  if (depth > 0 && random.chance(0.3)) return combined(random, 'id', () => principal(random, depth - 1));
  const ids: readonly JsonObject[] = [
    { any: true },
    { authenticated: { principal_name: stringMatch(random) } },
    { header: headerMatch(random) },
    { direct_remote_ip: { address_prefix: host(random), prefix_len: 32 } },
  ];
  return random.pick(ids);
}

function combined(random: Random, one: 'rule' | 'id', make: () => JsonObject): JsonObject {
  const many = { [`${one}s`]: list(random, 1, 2, make) };
  return random.pick<JsonObject>([{ [`and_${one}s`]: many }, { [`or_${one}s`]: many }, { [`not_${one}`]: make() }]);
}
