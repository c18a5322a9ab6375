import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PageRequest } from '../../../core/admin.ts';
import { createLogs } from '../../../core/log.ts';
import type { ClusterView } from '../../../sidecar/admin/clusters.ts';
import { type DumpSection, REDACTED } from '../../../sidecar/admin/config-dump.ts';
import { type AdminActions, adminPages, type AdminSources } from '../../../sidecar/admin.ts';
import { DEFAULT_LIMITS } from '../../../sidecar/model/cluster.ts';
import { Stats } from '../../../sidecar/telemetry/stats.ts';
import { manualClock } from '../../manual-clock.ts';
import { CERTIFICATE } from '../telemetry/facts.ts';

const NO_TRAFFIC = {
  cx_active: 0,
  cx_connect_fail: 0,
  cx_total: 0,
  rq_active: 0,
  rq_error: 0,
  rq_success: 0,
  rq_timeout: 0,
  rq_total: 0,
};

const CLUSTER: ClusterView = {
  name: 'o1',
  observabilityName: 'o1',
  addedViaApi: false,
  edsServiceName: null,
  outlierDetection: false,
  limits: { default: DEFAULT_LIMITS, high: { ...DEFAULT_LIMITS, maxRequests: 2 } },
  hosts: [
    {
      address: { host: '127.0.0.1', port: 18932 },
      hostname: 'hostone',
      stats: { ...NO_TRAFFIC, rq_success: 4, rq_total: 4, cx_active: 1, cx_total: 1 },
      edsHealth: 'healthy',
      ejected: false,
      weight: 1,
      region: 'r',
      zone: 'z',
      subZone: 's',
      priority: 0,
    },
    {
      address: { host: '::1', port: 1 },
      hostname: '',
      stats: NO_TRAFFIC,
      edsHealth: 'unhealthy',
      ejected: true,
      weight: 3,
      region: '',
      zone: '',
      subZone: '',
      priority: 1,
    },
  ],
};

const DUMP: readonly DumpSection[] = [
  {
    '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
    bootstrap: { node: { id: 'n' } },
    last_updated: '2026-11-21T07:26:57.152Z',
  },
  {
    '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
    static_clusters: [
      {
        cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'o1', type: 'STATIC' },
        last_updated: 'x',
      },
      { cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'p2', type: 'EDS' } },
    ],
  },
  {
    '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump',
    static_secrets: [
      {
        name: 's',
        secret: {
          tls_certificate: {
            certificate_chain: { inline_string: 'CERT' },
            private_key: { inline_bytes: 'S0VZ' },
            password: { inline_string: 'KEY' },
          },
        },
      },
    ],
  },
];

function stage(overrides: Partial<AdminSources> = {}) {
  const calls: string[] = [];
  const actions: AdminActions = {
    drainListeners: (options) => calls.push(`drain ${JSON.stringify(options)}`),
    quit: () => calls.push('quit'),
    failHealthChecks: (failing) => calls.push(`fail ${failing}`),
    resetCounters: () => stats.resetCounters(),
    reopenLogs: () => calls.push('reopen'),
  };
  const logs = createLogs({ levels: { root: 'info', components: new Map() }, write: () => {} });
  logs.child('http');
  logs.child('upstream');
  const stats = new Stats();
  const sources: AdminSources = {
    staleSeconds: () => null,
    clock: manualClock(-1000),
    logs,
    stats,
    figures: () => stats,
    silent: () => [],
    memory: () => process.memoryUsage(),
    processMetrics: async () => 'process_up 1\n',
    state: () => 'LIVE',
    info: {
      version: 'a/0.1.0/Clean/RELEASE/OpenSSL',
      startedWallMs: -8500,
      commandLineOptions: { concurrency: 1 },
      node: { id: 'n' },
    },
    clusters: () => [CLUSTER],
    listeners: () => [
      {
        name: 'main',
        addresses: [
          { host: '127.0.0.1', port: 80 },
          { host: '::1', port: 80 },
        ],
      },
    ],
    certificates: () => [{ caCertificates: [], chain: [CERTIFICATE] }],
    unready: () => ({ listener: [], cluster: [] }),
    configDump: () => DUMP,
    actions,
    ...overrides,
  };
  const pages = new Map(adminPages(sources).map((page) => [page.path, page]));
  const get = async (target: string) => {
    const [path = '', query = ''] = target.split('?');
    const page = pages.get(path);
    assert.ok(page, path);
    const request: PageRequest = { query: new URLSearchParams(query), method: page.method, body: '', headers: {} };
    const { status = 200, body, contentType, headers, afterwards } = await page.handle(request);
    let text = '';
    if (typeof body === 'string' || Buffer.isBuffer(body)) text = String(body);
    else for await (const piece of body) text += piece;
    return { status, text, contentType, headers, afterwards, method: page.method };
  };
  return { get, calls, logs, stats };
}

test('/ready says LIVE, or why not with 503', async () => {
  assert.deepEqual([(await stage().get('/ready')).status, (await stage().get('/ready')).text], [200, 'LIVE\n']);
  const starting = await stage({ state: () => 'PRE_INITIALIZING' }).get('/ready');
  assert.deepEqual([starting.status, starting.text], [503, 'PRE_INITIALIZING\n']);
});

test('workers that did not answer are named', async () => {
  const { get } = stage({ silent: () => [1, 3] });
  for (const path of ['/clusters', '/certs', '/memory', '/stats', '/stats/prometheus'])
    assert.deepEqual((await get(path)).headers, { 'x-fairlead-silent-workers': '1,3' }, path);
  assert.equal((await stage().get('/stats')).headers, undefined);
});

test('/clusters as Envoy prints it', async () => {
  const { text } = await stage().get('/clusters');
  for (const line of [
    'o1::observability_name::o1',
    'o1::default_priority::max_connections::1024',
    'o1::high_priority::max_requests::2',
    'o1::added_via_api::false',
    'o1::127.0.0.1:18932::rq_success::4',
    'o1::127.0.0.1:18932::hostname::hostone',
    'o1::127.0.0.1:18932::health_flags::healthy',
    'o1::127.0.0.1:18932::sub_zone::s',
    'o1::[::1]:1::health_flags::/failed_outlier_check/failed_eds_health',
    'o1::[::1]:1::success_rate::-1',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  const json = JSON.parse((await stage().get('/clusters?format=json')).text);
  const [first, second] = json.cluster_statuses[0].host_statuses;
  assert.deepEqual(first.stats[1], { value: '1', name: 'cx_total' });
  assert.deepEqual(first.stats[0], { name: 'cx_connect_fail' });
  assert.deepEqual(second.health_status, { failed_outlier_check: true, eds_health_status: 'UNHEALTHY' });
  assert.deepEqual(json.cluster_statuses[0].circuit_breakers.thresholds[1], {
    priority: 'HIGH',
    max_connections: 1024,
    max_pending_requests: 1024,
    max_requests: 2,
    max_retries: 3,
  });
  assert.equal((await stage().get('/clusters?filter=zz')).text, '');
});

test('/listeners in both forms', async () => {
  assert.equal((await stage().get('/listeners')).text, 'main::127.0.0.1:80\nmain::[::1]:80\n');
  const json = JSON.parse((await stage().get('/listeners?format=json')).text);
  assert.deepEqual(json.listener_statuses[0].local_address, {
    socket_address: { address: '127.0.0.1', port_value: 80 },
  });
});

test('/config_dump: whole, one list, masked, by name; never a secret', async () => {
  const { get } = stage();
  const whole = await get('/config_dump');
  assert.equal(whole.contentType, 'application/json');
  assert.deepEqual(
    JSON.parse(whole.text).configs.map((config: { '@type': string }) => config['@type'].replace(/^.*\./, '')),
    ['BootstrapConfigDump', 'ClustersConfigDump', 'SecretsConfigDump'],
  );
  assert.doesNotMatch(whole.text, /S0VZ|"KEY"/);
  assert.match(whole.text, /"inline_bytes": "W3JlZGFjdGVkXQ=="/);
  assert.match(whole.text, new RegExp(`"inline_string": "${REDACTED.replace(/[[\]]/g, '\\$&')}"`));
  assert.match(whole.text, /"CERT"/);
  const { configs } = JSON.parse((await get('/config_dump?resource=static_clusters')).text);
  assert.deepEqual(
    configs.map((config: { cluster: { name: string } }) => config.cluster.name),
    ['o1', 'p2'],
  );
  assert.equal(configs[0]['@type'], 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster');
  const masked = JSON.parse((await get('/config_dump?resource=static_clusters&mask=cluster.name')).text);
  assert.deepEqual(masked.configs[0].cluster, {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: 'o1',
  });
  assert.equal(masked.configs[0].last_updated, undefined);
  const named = JSON.parse((await get('/config_dump?resource=static_clusters&name_regex=^p')).text);
  assert.deepEqual(
    named.configs.map((config: { cluster: { name: string } }) => config.cluster.name),
    ['p2'],
  );
  const refusals = await Promise.all(
    ['resource=nosuch', 'mask=foo', 'name_regex=['].map((query) => get(`/config_dump?${query}`)),
  );
  assert.deepEqual(
    refusals.map(({ status }) => status),
    [404, 400, 400],
  );
});

test('/certs counts the days', async () => {
  const json = JSON.parse((await stage().get('/certs')).text);
  const [certificate] = json.certificates[0].cert_chain;
  assert.deepEqual(certificate.subject_alt_names, [
    { uri: 'spiffe://mesh/web' },
    { dns: 'web.test' },
    { dns: 'www.test' },
  ]);
  assert.equal(certificate.expiration_time, '2027-01-01T00:00:00Z');
  assert.equal(certificate.days_until_expiration, String(Math.floor(CERTIFICATE.validToMs / 86_400_000)));
});

test('/stats and /stats/prometheus, with the figures of the process', async () => {
  const { get } = stage();
  assert.match((await get('/stats?filter=server.state')).text, /^server\.state: 0\n$/);
  assert.match((await get('/stats?filter=server.live')).text, /^server\.live: 1\n$/);
  const { text } = await get('/stats/prometheus');
  assert.match(text, /^envoy_server_uptime\{\} 8$/m);
  assert.match(text, /^process_up 1$/m);
  assert.equal((await get('/stats?format=xx')).status, 400);
});

test('/server_info, /memory, /init_dump, /runtime', async () => {
  const info = JSON.parse((await stage().get('/server_info')).text);
  assert.deepEqual(
    [info.state, info.uptime_current_epoch, info.command_line_options.concurrency, info.node.id],
    ['LIVE', '8s', 1, 'n'],
  );
  assert.match(JSON.parse((await stage().get('/memory')).text).allocated, /^\d+$/);
  assert.equal((await stage().get('/init_dump')).text, '{}\n');
  const waiting = await stage({ unready: () => ({ listener: ['main'], cluster: [] }) }).get('/init_dump');
  assert.deepEqual(JSON.parse(waiting.text).unready_targets_dumps, [{ name: 'listener', target_names: ['main'] }]);
  assert.deepEqual(JSON.parse((await stage().get('/runtime')).text), { layers: [], entries: {} });
});

test("/logging shows and changes levels under Envoy's names; a mistake changes nothing", async () => {
  const { get, logs } = stage();
  assert.equal((await get('/logging')).text, 'active loggers:\n  http: info\n  upstream: info\n\n');
  assert.match((await get('/logging?paths=http:debug,upstream:warning')).text, /http: debug\n {2}upstream: warning\n/);
  const wrong = await get('/logging?paths=http:error,none:debug');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /^error: unknown logger name\n/);
  assert.equal(logs.levels().get('http'), 'debug');
  await get('/logging?http=trace');
  assert.equal(logs.levels().get('http'), 'trace');
  await get('/logging?level=critical');
  assert.deepEqual([...logs.levels().values()], ['fatal', 'fatal']);
  assert.equal((await get('/logging?level=foo')).status, 400);
});

test('actions are POST pages and answer OK', async () => {
  const { get, calls } = stage();
  for (const path of [
    '/drain_listeners?graceful&inboundonly',
    '/healthcheck/fail',
    '/healthcheck/ok',
    '/reset_counters',
    '/reopen_logs',
  ]) {
    const { method, text } = await get(path);
    assert.deepEqual([method, text], ['POST', 'OK\n'], path);
  }
  const { afterwards, text } = await get('/quitquitquit');
  assert.equal(text, 'OK\n');
  assert.ok(!calls.includes('quit'), 'only after the answer');
  afterwards?.();
  assert.deepEqual(calls, [
    'drain {"inboundOnly":true,"graceful":true,"skipExit":false}',
    'fail true',
    'fail false',
    'reopen',
    'quit',
  ]);
});
