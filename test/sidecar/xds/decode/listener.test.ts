// Listeners, filter chains and the connection manager.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { LISTENER } from '../../../../proto/resources.ts';
import type { Listener } from '../../../../sidecar/model/listener.ts';
import { MOST_PROBLEMS } from '../../../../sidecar/xds/decode/problems.ts';
import { accept, decode, listenerJson, managerJson, ROUTER, refusals, routesJson, TYPE } from '../messages.ts';

const MANAGER = 'filter_chains[0].filters[0].typed_config';

function manager(more: JsonObject = {}) {
  const { chains } = accept<Listener>(LISTENER, listenerJson('l', 1, managerJson(more)));
  const [chain] = chains;
  return chain?.kind === 'http' ? chain.http : assert.fail();
}

function refused(more: JsonObject, options = {}): string[] {
  return refusals(LISTENER, listenerJson('l', 1, managerJson(more)), options);
}

test("a connection manager has Envoy's defaults", () => {
  const hcm = manager();
  assert.equal(hcm.serverName, 'envoy');
  assert.equal(hcm.serverHeader, 'overwrite');
  assert.equal(hcm.streamIdleTimeoutMs, 300_000);
  assert.equal(hcm.idleTimeoutMs, 3_600_000);
  assert.equal(hcm.drainTimeoutMs, 5_000);
  assert.equal(hcm.delayedCloseTimeoutMs, 1_000);
  assert.equal(hcm.requestTimeoutMs, 0);
  assert.equal(hcm.maxHeadersCount, 100);
  assert.equal(hcm.maxHeadersBytes, 60 * 1024);
  assert.equal(hcm.generateRequestId, true);
  assert.equal(hcm.normalizePath, false);
  assert.equal(hcm.forwardClientCert, 'sanitize');
  assert.deepEqual(hcm.internalRanges, []);
  assert.equal(hcm.http1.allowAbsoluteUrl, true);
});

test('gRPC statistics: which methods are told apart', () => {
  const filter = (config: JsonObject) => ({
    name: 'stats',
    typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.grpc_stats.v3.FilterConfig`, ...config },
  });
  const decoded = (config: JsonObject) => manager({ http_filters: [filter(config), ROUTER] }).filters[0]?.config;
  const kind = 'grpc-stats' as const;
  assert.deepEqual(decoded({}), { kind, methods: 'none', replaceDots: false, upstreamTimes: false });
  assert.deepEqual(decoded({ stats_for_all_methods: false, enable_upstream_stats: true }), {
    kind,
    methods: 'none',
    replaceDots: false,
    upstreamTimes: true,
  });
  assert.deepEqual(decoded({ stats_for_all_methods: true, replace_dots_in_grpc_service_name: true }), {
    kind,
    methods: 'all',
    replaceDots: true,
    upstreamTimes: false,
  });
  const services = [{ name: 'a.B', method_names: ['C', 'D'] }];
  assert.deepEqual(
    decoded({ individual_method_stats_allowlist: { services }, replace_dots_in_grpc_service_name: true }),
    { kind, methods: new Set(['a.B/C', 'a.B/D']), replaceDots: false, upstreamTimes: false },
  );
  assert.match(
    refused({
      http_filters: [filter({ individual_method_stats_allowlist: { services: [{ name: 'a.B' }] } }), ROUTER],
    })[0] ?? '',
    /individual_method_stats_allowlist\.services\[0\]\.method_names/,
  );
});

test('the router comes last, and unknown filters are refused', () => {
  const rbac = {
    name: 'rbac',
    typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.rbac.v3.RBAC`, rules: { policies: {} } },
  };
  assert.deepEqual(
    manager({ http_filters: [rbac, ROUTER] }).filters.map(({ config }) => config.kind),
    ['rbac', 'router'],
  );
  assert.match(
    refused({ http_filters: [ROUTER, rbac] }).join('\n'),
    /http_filters\[0\]: terminal filter .* must be the last[\s\S]*http_filters\[1\]: non-terminal filter rbac is the last/,
  );
  assert.deepEqual(manager({ http_filters: [] }).filters, []);
  const unknown = (type: string, more: JsonObject = {}) => ({
    name: 'x',
    typed_config: { '@type': `${TYPE}xds.type.v3.TypedStruct`, type_url: TYPE + type },
    ...more,
  });
  const compressor = 'envoy.extensions.filters.http.compressor.v3.Compressor';
  assert.equal(
    refused({ http_filters: [unknown(compressor), ROUTER] })[0],
    `${MANAGER}.http_filters[0].typed_config: the extension ${compressor} is not supported by fairlead`,
  );
  assert.equal(manager({ http_filters: [unknown(compressor, { is_optional: true }), ROUTER] }).filters.length, 1);
  const auth = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
  assert.equal(
    refused({ http_filters: [unknown(auth, { is_optional: true }), ROUTER] }, { allowUnsupported: true }).length,
    1,
    'never left out',
  );
});

test('routes come inline or by name', () => {
  assert.deepEqual(manager({ rds: { config_source: { ads: {} }, route_config_name: 'r' } }).routes, {
    kind: 'rds',
    name: 'r',
  });
  assert.match(refused({ rds: { config_source: { ads: {} } } })[0] ?? '', /rds\.route_config_name/);
  const json = listenerJson('l', 1, managerJson());
  assert.deepEqual(refusals(LISTENER, json, { clusters: new Set(['b']) }), [
    `${MANAGER}.route_config.virtual_hosts[0].routes[0].route.cluster: unknown cluster "a"`,
  ]);
});

test('options that contradict each other or weaken something', () => {
  assert.match(refused({ strip_matching_host_port: true, strip_any_host_port: true })[0] ?? '', /only one of/);
  assert.match(
    refused({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'WebSocket' }] })[0] ?? '',
    /stands twice/,
  );
  assert.match(
    refused({ http_protocol_options: { allow_chunked_length: true } }, { allowUnsupported: true })[0] ?? '',
    /allow_chunked_length/,
  );
  assert.match(refused({ codec_type: 'HTTP3' })[0] ?? '', /codec_type/);
  assert.match(refused({ stat_prefix: '' })[0] ?? '', /stat_prefix: must not be empty/);
});

test('access logs: formats are checked, filters decoded', () => {
  const log = (format: JsonObject, more: JsonObject = {}) => ({
    access_log: [
      {
        name: 'f',
        typed_config: {
          '@type': `${TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog`,
          path: '/x',
          ...format,
        },
        ...more,
      },
    ],
  });
  assert.match(
    refused(log({ log_format: { text_format_source: { inline_string: '%NOPE%' } } }))[0] ?? '',
    /access_log\[0\]\.typed_config\.log_format\.text_format_source: /,
  );
  assert.match(refused(log({ log_format: { json_format: { a: { b: '%NOPE%' } } } }))[0] ?? '', /json_format\.a\.b: /);
  const filter = {
    or_filter: {
      filters: [
        { status_code_filter: { comparison: { op: 'GE', value: { default_value: 500, runtime_key: 'k' } } } },
        { response_flag_filter: { flags: ['UF'] } },
      ],
    },
  };
  const [entry] = manager(log({}, { filter })).accessLogs;
  assert.deepEqual(entry?.filter, {
    kind: 'or',
    filters: [
      { kind: 'status', comparison: { op: 'ge', value: 500 } },
      { kind: 'response-flags', flags: ['UF'] },
    ],
  });
  assert.match(entry?.format.kind === 'text' ? entry.format.text : '', /^\[%START_TIME%\]/);
});

test('a listener needs an address, a chain, and chains that can be told apart', () => {
  assert.match(
    refusals(LISTENER, { name: 'l' }).join('\n'),
    /address: is required[\s\S]*filter_chains: no filter chains specified|filter_chains: no filter chains[\s\S]*address: is required/,
  );
  const [chain] = listenerJson('l', 1)['filter_chains'] as JsonObject[];
  assert.match(
    refusals(LISTENER, listenerJson('l', 1, managerJson(), { filter_chains: [chain ?? {}, chain ?? {}] }))[0] ?? '',
    /filter_chains\[1\]\.filter_chain_match: multiple filter chains with the same matching rules/,
  );
  assert.deepEqual(refusals(LISTENER, listenerJson('l', 1, managerJson(), { transparent: true })), [
    'transparent: is not supported by fairlead',
  ]);
  accept(
    LISTENER,
    listenerJson('l', 1, managerJson(), { transparent: false, freebind: true, enable_reuse_port: false }),
  );
});

test('an API listener is taken silently', () => {
  const decoded = decode(LISTENER, { name: 'svc', api_listener: { api_listener: managerJson() } });
  assert.deepEqual(decoded, { ok: true, value: null, warnings: [] });
});

test('chains chosen by TLS names are looked at by the inspector', () => {
  const [chain] = listenerJson('l', 1)['filter_chains'] as JsonObject[];
  const named = listenerJson('l', 1, managerJson(), {
    filter_chains: [
      {
        ...chain,
        filter_chain_match: {
          server_names: ['*.X.test'],
          source_prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
        },
      },
    ],
  });
  const listener = accept<Listener>(LISTENER, named);
  assert.equal(listener.inspectTls, true);
  assert.deepEqual(listener.chains[0]?.match.serverNames, ['*.x.test']);
  const bad = listenerJson('l', 1, managerJson(), {
    filter_chains: [{ ...chain, filter_chain_match: { server_names: ['a.*'], address_suffix: 'x' } }],
  });
  assert.match(
    refusals(LISTENER, bad, { allowUnsupported: true }).join('\n'),
    /address_suffix[\s\S]*server_names\[0\]: "a\.\*": partial wildcards/,
  );
});

test('what refuses is not lost behind a hundred findings that do not', () => {
  const optional = (i: number) => ({
    name: `filter${i}`,
    is_optional: true,
    typed_config: { '@type': `${TYPE}xds.type.v3.TypedStruct`, type_url: `${TYPE}some.Filter` },
  });
  const many = Array.from({ length: MOST_PROBLEMS + 10 }, (_, i) => optional(i));
  const taken = decode(LISTENER, listenerJson('l', 1, managerJson({ http_filters: [...many, ROUTER] })));
  assert.equal(taken.ok && taken.warnings.length, MOST_PROBLEMS);
  const discovered = { name: 'late', config_discovery: { config_source: { ads: {} }, type_urls: ['some.Filter'] } };
  const found = refused({ http_filters: [...many, discovered, ROUTER] });
  assert.deepEqual(found, [`${MANAGER}.http_filters[${many.length}].config_discovery: is not supported by fairlead`]);
});

test('a resource with more problems than are told is not read to its end', () => {
  let asked = 0;
  const readFile = (path: string): Buffer => {
    asked++;
    throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
  };
  const fromFile = (i: number) => ({
    match: { path: `/${i}` },
    direct_response: { status: 200, body: { filename: `${i}` } },
  });
  const routes = Array.from({ length: 3 * MOST_PROBLEMS }, (_, i) => fromFile(i));
  const manager = managerJson({ route_config: routesJson('main', routes) });
  const found = refusals(LISTENER, listenerJson('l', 1, manager), { readFile });
  assert.equal(found.length, MOST_PROBLEMS);
  assert.equal(asked, MOST_PROBLEMS + 1);

  // Chains that no connection could tell apart are refused before what stands in them is looked at.
  const [chain] = listenerJson('l', 1, manager)['filter_chains'] as [JsonObject];
  const twins = Array.from({ length: MOST_PROBLEMS + 2 }, () => chain);
  assert.equal(
    refusals(LISTENER, listenerJson('l', 1, manager, { filter_chains: twins }), { readFile }).length,
    MOST_PROBLEMS,
  );
  assert.equal(asked, MOST_PROBLEMS + 1);
});
