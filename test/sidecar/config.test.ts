// The command line and the bootstrap: Envoy's files as they are, every mistake with its line.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../sidecar/config.ts';
import { loadConfig } from '../../sidecar/config.ts';
import { readDescriptorLimit } from '../../sidecar/descriptors.ts';
import { tempDir } from '../temp-dir.ts';

const MANAGER = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const BOOTSTRAP = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
node: {id: n1, cluster: web, locality: {zone: z1}, metadata: {version: 1, ratio: 0.5}}
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": ${MANAGER}
          stat_prefix: main
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{match: {prefix: /}, route: {cluster: o1, timeout: 2.5s}}]
          http_filters: []
  clusters:
  - name: o1
    type: STATIC
    connect_timeout: 1s
    load_assignment: {cluster_name: o1, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8080}}}}]}]}
`;

const ADS = `
node: {id: me, cluster: web}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
  cds_config: {ads: {}, resource_api_version: V3}
static_resources:
  clusters:
  - {name: xds, type: STATIC, http2_protocol_options: {}, load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 15010}}}}]}]}}
`;

function load(text: string, args: readonly string[] = [], file = 'b.yaml') {
  return loadConfig(['-c', file, ...args], {}, (name) => (name === file ? Buffer.from(text) : fs.readFileSync(name)));
}

function good(text: string, args: readonly string[] = [], file = 'b.yaml'): Config {
  const result = load(text, args, file);
  if (!result.ok) assert.fail(result.text);
  return result.config;
}

function errors(text: string, args: readonly string[] = []): string[] {
  const result = load(text, args);
  assert.ok(!result.ok, 'was taken');
  return result.text.split('\n').filter((line) => line.includes('[FL'));
}

test('a bootstrap becomes a snapshot, a node and an admin address', () => {
  const config = good(BOOTSTRAP);
  assert.deepEqual(config.admin, { host: '127.0.0.1', port: 9901 });
  assert.deepEqual(config.node, {
    id: 'n1',
    cluster: 'web',
    region: '',
    zone: 'z1',
    subZone: '',
    metadata: { version: 1, ratio: '0.5' },
  });
  assert.deepEqual([...config.snapshot.listeners.keys()], ['main']);
  assert.deepEqual([...config.snapshot.clusters.keys()], ['o1']);
  assert.equal(config.ads, null);
  assert.equal(config.mode, 'serve');
  assert.equal(config.drainTimeMs, 600_000);
  assert.ok(Object.isFrozen(config));
});

test('JSON in either spelling says the same', () => {
  const snake = {
    node: { id: 'n', cluster: 'c' },
    static_resources: { clusters: [{ name: 'a', connect_timeout: '1s' }] },
  };
  const camel = {
    node: { id: 'n', cluster: 'c' },
    staticResources: { clusters: [{ name: 'a', connectTimeout: '1s' }] },
  };
  const one = good(JSON.stringify(snake), [], 'b.json');
  const other = good(JSON.stringify(camel), [], 'b.json');
  assert.deepEqual(one.snapshot, other.snapshot);
  assert.deepEqual(good(JSON.stringify({ node: { metadata: { ratio: 0.5, no: 'no' } } }), [], 'b.json').node.metadata, {
    ratio: 0.5,
    no: 'no',
  });
});

test('every mistake at once, each with line, column, path and what was meant', () => {
  const text = BOOTSTRAP.replace('stat_prefix: main', 'stat_prefx: main')
    .replace('timeout: 2.5s', 'timeout: 2500')
    .replace('type: STATIC', 'type: STATC')
    .replace('connect_timeout: 1s', 'conect_timeout: 1s');
  const found = errors(text);
  assert.equal(found.length, 4, found.join('\n'));
  assert.match(
    found[0] ?? '',
    /^b\.yaml:13:11: static_resources\.listeners\[0\]\.filter_chains\[0\]\.filters\[0\]\.typed_config\.stat_prefx: .* \(did you mean "stat_prefix"\?\) \[FL0105\]$/,
  );
  assert.match(
    found[1] ?? '',
    /^b\.yaml:18:\d+: .*\.route\.timeout: 2500 is not a duration: write seconds with an "s"/,
  );
  assert.match(
    found[2] ?? '',
    /^b\.yaml:22:11: static_resources\.clusters\[0\]\.type: "STATC" is not a value of DiscoveryType: .* \(did you mean "STATIC"\?\)/,
  );
  assert.match(
    found[3] ?? '',
    /^b\.yaml:23:5: static_resources\.clusters\[0\]\.conect_timeout: .*did you mean "connect_timeout"/,
  );
  const shown = load(text);
  assert.match(shown.ok ? '' : shown.text, /stat_prefx: main\n +\^/);
});

test('what Envoy would refuse points at its line too', () => {
  const found = errors(
    BOOTSTRAP.replace('prefix: /}', 'safe_regex: {regex: "("}}').replace('connect_timeout: 1s', 'connect_timeout: 0s'),
  );
  assert.match(
    found[0] ?? '',
    /^b\.yaml:18:\d+: .*virtual_hosts\[0\]\.routes\[0\]\.match\.safe_regex\.regex: is not a pattern in RE2 syntax/,
  );
  assert.match(
    found[1] ?? '',
    /^b\.yaml:23:22: static_resources\.clusters\[0\]\.connect_timeout: must be greater than 0s/,
  );
});

test('scalars are those of YAML 1.1', () => {
  assert.match(errors('node: {id: n}')[0] ?? '', /node\.id: n is read as a boolean here; write "n" in quotes/);
  assert.match(errors('node: {id: 1}')[0] ?? '', /node\.id: 1 is not a text: write it in quotes/);
  assert.equal(good('node: {id: "no"}').node.id, 'no');
  assert.deepEqual(
    good('node: {metadata: {a: off, b: 0x10, c: 010, d: ~, e: 1e3, f: "1", g: 1.5, h: 4294967296}}').node.metadata,
    { a: false, b: 16, c: 8, d: null, e: '1e3', f: '1', g: '1.5', h: '4294967296' },
  );
});

test('fields that exclude each other, and shapes that do not fit', () => {
  assert.match(
    errors('admin: {address: {socket_address: {address: 1.2.3.4, port_value: 1}, pipe: {path: /x}}}')[0] ?? '',
    /pipe: only one of socket_address and pipe may be given/,
  );
  assert.match(
    errors('static_resources: {clusters: {name: a}}')[0] ?? '',
    /static_resources\.clusters: must be a list/,
  );
  assert.match(errors('node: [a]')[0] ?? '', /node: must be a mapping/);
  assert.match(errors('node: {id: a}\nnode: {id: b}')[0] ?? '', /b\.yaml:2:1: this key stands twice|FL0102/);
  assert.match(
    errors('static_resources: {clusters: [{name: a, altStatName: x, alt_stat_name: y}]}')[0] ?? '',
    /stands twice/,
  );
  assert.match(errors('a: [')[0] ?? '', /FL0101/);
});

test('texts that are made to hurt are refused', () => {
  assert.match(errors('__proto__: {id: a}')[0] ?? '', /not allowed as a key/);
  const bomb = ['a: &a [x]', ...Array.from({ length: 30 }, (_, i) => `b${i}: [*a, *a, *a, *a]`)].join('\n');
  assert.match(errors(bomb)[0] ?? '', /more than 100 aliases/);
  assert.match(errors(`${'{a: '.repeat(80)}1${'}'.repeat(80)}`)[0] ?? '', /nested deeper/);
  assert.match(errors(`# ${'x'.repeat(4 * 1024 * 1024)}`)[0] ?? '', /larger than 4 MiB/);
});

test('--config-yaml is merged over the file', () => {
  const config = good(BOOTSTRAP, ['--config-yaml', 'node: {id: merged}\nstatic_resources: {clusters: [{name: o2}]}']);
  assert.equal(config.node.id, 'merged');
  assert.equal(config.node.cluster, 'web');
  assert.deepEqual([...config.snapshot.clusters.keys()], ['o1', 'o2']);
  assert.match(
    errors(BOOTSTRAP, ['--config-yaml', 'static_resources: {clusters: [{name: o1}]}'])[0] ?? '',
    /^--config-yaml:1:38: static_resources\.clusters\[0\]\.name: duplicate cluster "o1"/,
  );
  const alone = loadConfig(['--config-yaml', 'node: {id: x}'], {});
  assert.equal(alone.ok && alone.config.configPath === null, true);
});

test('static resources are checked against each other', () => {
  assert.match(
    errors(BOOTSTRAP.replace('cluster: o1,', 'cluster: o9,'))[0] ?? '',
    /route\.cluster: unknown cluster "o9"/,
  );
  const eds = BOOTSTRAP.replace('type: STATIC', 'type: EDS\n    eds_cluster_config: {eds_config: {ads: {}}}');
  assert.match(
    errors(eds)[0] ?? '',
    /eds_cluster_config: needs endpoints from discovery, and dynamic_resources\.ads_config/,
  );
  const listener = BOOTSTRAP.slice(BOOTSTRAP.indexOf('  - name: main'), BOOTSTRAP.indexOf('  clusters:'));
  assert.match(
    errors(BOOTSTRAP.replace('  clusters:', `${listener}  clusters:`)).join('\n'),
    /10000 is the address of listener "main" already[\s\S]*duplicate listener "main"|duplicate listener "main"[\s\S]*10000 is the address/,
  );
});

test('discovery is a static cluster', () => {
  const { ads, snapshot } = good(ADS);
  assert.deepEqual(ads, {
    cluster: 'xds',
    authority: null,
    metadata: [],
    listeners: false,
    clusters: true,
    initialFetchTimeoutMs: 15_000,
  });
  assert.equal(snapshot.clusters.get('xds')?.http.protocol, 'http2');
  assert.match(
    errors(ADS.replace('cluster_name: xds}}', 'cluster_name: nope}}')).join('\n'),
    /envoy_grpc\.cluster_name: unknown cluster "nope"/,
  );
  assert.match(errors(ADS.replace('node: {id: me, cluster: web}', ''))[0] ?? '', /'id' and 'cluster' are required/);
  assert.equal(
    good(ADS.replace('node: {id: me, cluster: web}', ''), ['--service-node', 'x', '--service-cluster', 'y']).node.id,
    'x',
  );
  assert.match(errors(ADS.replace('api_type: GRPC', 'api_type: DELTA_GRPC'))[0] ?? '', /api_type: other than GRPC/);
});

test('runtime layers may say what changes nothing', () => {
  good(
    'layered_runtime: {layers: [{name: a, admin_layer: {}}, {name: s, static_layer: {re2: {max_program_size: {error_level: 100}}}}]}',
  );
  assert.match(
    errors(
      'layered_runtime: {layers: [{name: s, static_layer: {upstream: {use_retry: false}, health_check.min_interval: 5}}]}',
    )[0] ?? '',
    /the runtime keys upstream\.use_retry, health_check\.min_interval are not supported/,
  );
  good('stats_config: {use_all_default_tags: true}\nstats_flush_interval: 5s\nwatchdogs: {}');
});

test('limits of connections: of each listener, in all, and who says so', () => {
  const layers = `layered_runtime:
  layers:
  - {name: a, static_layer: {envoy: {resource_limits: {listener: {web: {connection_limit: 5}, a.b: {connection_limit: "6"}}}}}}
  - {name: b, static_layer: {envoy.resource_limits.listener.web.connection_limit: 0, overload.global_downstream_max_connections: 9}}`;
  const byListener = new Map([
    ['web', 0],
    ['a.b', 6],
  ]);
  const stated = (text: string) => {
    const { inAll, byListener } = good(text).connectionLimits;
    return { inAll, byListener };
  };
  assert.deepEqual(stated(layers), { inAll: { most: 9, byOverloadManager: false }, byListener });
  const both = `${layers}\n${monitors('5000000000')}`;
  const inAll = { most: 999_999_999, byOverloadManager: true };
  assert.deepEqual(stated(both), { inAll, byListener });
  assert.match(
    good(layers).warnings[0] ?? '',
    /layered_runtime: limits connections of a listener "web" that is not there/,
  );
  assert.deepEqual(stated('node: {}'), { inAll: null, byListener: new Map() });
  const twice = monitors('1').replace('[', `[${ONE_MONITOR('2')}, `);
  assert.match(errors(twice)[0] ?? '', /resource_monitors: name the same resource twice/);
  const other =
    'overload_manager: {resource_monitors: [{name: m, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}';
  assert.match(errors(other)[0] ?? '', /resource_monitors\[0\].typed_config: is not supported/);
});

test('the limit of connections that open files allow', () => {
  const limitOf = (openFiles: string, threads = 1) =>
    readDescriptorLimit(
      () =>
        Buffer.from(
          `Max processes  7  8  processes\nMax open files            ${openFiles}  files\nMax stack size 5 6 bytes`,
        ),
      threads,
    );
  assert.deepEqual(limitOf('256  1024'), { openFiles: 256, most: 120 });
  assert.deepEqual(limitOf('256  1024', 8), { openFiles: 256, most: 64 });
  assert.deepEqual(limitOf('1048576  1048576', 2), { openFiles: 1_048_576, most: 786_352 });
  // However few there are, somebody is let in.
  assert.deepEqual(limitOf('64  64', 16), { openFiles: 64, most: 8 });
  assert.deepEqual(limitOf('4  4'), { openFiles: 4, most: 1 });
  assert.equal(limitOf('unlimited  unlimited'), null);
  const absent = () => {
    throw new Error('ENOENT');
  };
  assert.equal(readDescriptorLimit(absent, 1), null);
});

const ONE_MONITOR = (most: string) =>
  `{name: m, typed_config: {"@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: ${most}}}`;

function monitors(most: string): string {
  return `overload_manager: {resource_monitors: [${ONE_MONITOR(most)}]}`;
}

test('--allow-unsupported warns instead, unknown fields stay errors unless Envoy would pass them', () => {
  const config = good('default_socket_interface: other', ['--allow-unsupported']);
  assert.match(config.warnings[0] ?? '', /^b\.yaml:1:27: default_socket_interface: is not supported/);
  assert.equal(errors('nodde: {}', ['--allow-unsupported']).length, 1);
  good('nodde: {}', ['--allow-unknown-static-fields']);
});

test('of very many mistakes the first are told, and none is lost behind what flags permit', () => {
  const unknown = (count: number) => Array.from({ length: count }, (_, i) => `x${i}: 1`).join('\n');
  const told = errors(unknown(3000));
  assert.equal(told.length, 101);
  assert.match(told.at(-1) ?? '', /^b\.yaml:101:1: 2900 more mistakes, of which this is the first.*\[FL0113\]$/);
  const late = errors(`${unknown(3000)}\nnode: 7`, ['--allow-unknown-static-fields']);
  assert.deepEqual(late, ['b.yaml:3001:7: node: must be a mapping with fields of Node [FL0107]']);
  const clusters = Array.from({ length: 150 }, () => '{name: ""}').join(',');
  assert.equal(errors(`static_resources: {clusters: [${clusters}]}`).length, 101);
});

test('what Envoy would read otherwise than we do is told: keys that stand twice, depth', () => {
  assert.match(errors('node: {id: a}\nnode: {id: b}')[0] ?? '', /^b\.yaml:2:1: .*twice.*\[FL0102\]/);
  assert.match(errors(`node: {metadata: ${'['.repeat(5000)}`)[0] ?? '', /^b\.yaml:1:81: nested deeper than 64 levels/);
});

test('flags: Envoy names, environment, mistakes', (t) => {
  const file = path.join(tempDir(t), 'b.yaml');
  fs.writeFileSync(file, 'node: {id: me}');
  const config = loadConfig(
    [
      '--config-path',
      file,
      '-l',
      'critical',
      '--mode=validate',
      '--concurrency',
      '2',
      '--base-id',
      '7',
      '--disable-hot-restart',
      '--ca-address',
      '[::1]:15012',
      '--ca-root',
      file,
    ],
    { FAIRLEAD_DRAIN_TIME_S: '3', FAIRLEAD_MODE: 'serve', FAIRLEAD_REGISTER: 'true' },
  );
  assert.ok(config.ok);
  const { logLevel, mode, concurrency, drainTimeMs, register, caAddress } = config.config;
  assert.deepEqual(
    { logLevel, mode, concurrency, drainTimeMs, register, caAddress },
    {
      logLevel: 'fatal',
      mode: 'validate',
      concurrency: 2,
      drainTimeMs: 3000,
      register: true,
      caAddress: { host: '::1', port: 15012 },
    },
  );
  const usage = (...args: string[]) => {
    const result = loadConfig(args, {});
    return result.ok ? assert.fail('was taken') : result.text;
  };
  assert.match(usage('--confg-path', file), /unknown flag --confg-path \(did you mean --config-path\?\)/);
  assert.match(usage('-c', file, '--config-path', file), /--config-path is given twice/);
  assert.match(usage('-c', file, '--mode', 'x'), /--mode: "x" is none of serve, validate/);
  assert.match(usage('-c', file, '--drain-time-s', '-1'), /drain-time-s/);
  assert.match(usage('-c'), /-c needs a value/);
  assert.match(usage(file), /is no flag/);
  assert.match(usage(), /a bootstrap is needed/);
  assert.match(usage('-c', path.join(path.dirname(file), 'none.yaml')), /none\.yaml: cannot be read/);
});
