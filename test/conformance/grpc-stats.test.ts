// The gRPC statistics filter, the same calls through ours and a stock Envoy: the same names, the same figures.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Client, credentials, status } from '@grpc/grpc-js';
import { parse } from 'yaml';
import { readStatsQuery, renderStats, type StatsQuery } from '../../sidecar/telemetry/render.ts';
import { eventually } from '../mesh/discovery.ts';
import { envoyOrSkip, runEnvoy } from '../mesh/envoy.ts';
import { bootstrapText, startProxy } from '../mesh/proxy.ts';
import { same, startEcho, TALK } from './h2/grpc-calls.ts';
import { HTTP2_UPSTREAM } from './h2/lanes.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig';
const FILTER = 'envoy.filters.http.grpc_stats';
const ROUTES = `- {match: {path: /a.B/Direct}, direct_response: {status: 503}}
- {match: {path: /a.B/Nowhere}, route: {cluster_header: x-none}}
- {match: {prefix: /gone}, route: {cluster: gone}}
- {match: {prefix: /test}, route: {cluster: o1}}
- {match: {prefix: /a}, route: {cluster: o1}}`;

interface Proxy {
  readonly address: string;
  /** /stats, without what was never counted. */
  stats(): Promise<string>;
}

type Start = (t: TestContext, config: string) => Promise<Proxy>;

async function bootstrap(t: TestContext, config: string): Promise<string> {
  const port = await startEcho(t, (call, done) => {
    if (String(call.request) === 'fail') done({ code: status.FAILED_PRECONDITION, details: 'no' });
    else done(null, call.request);
  });
  const cluster = { o1: HTTP2_UPSTREAM, gone: HTTP2_UPSTREAM };
  return bootstrapText({ origins: { o1: port, gone: 1 }, cluster, routes: ROUTES }).replace(
    'http_filters: [',
    `http_filters: [{name: ${FILTER}, typed_config: {"@type": ${TYPE}, ${config}}}, `,
  );
}

const ours: Start = async (t, config) => {
  const proxy = await startProxy(await bootstrap(t, config));
  t.after(() => proxy.close());
  const stats = async () => {
    let shown = '';
    for await (const piece of renderStats(proxy.stats, readStatsQuery(new URLSearchParams('usedonly')) as StatsQuery))
      shown += piece;
    return shown;
  };
  return { address: `127.0.0.1:${proxy.port()}`, stats };
};

const envoys: Start = async (t, config) => {
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  const envoy = await runEnvoy(t, { admin, ...(parse(await bootstrap(t, config)) as object) });
  return { address: await envoy.listener('main'), stats: () => envoy.get('/stats?usedonly') };
};

function unary(client: Client, path: string, text = 'x'): Promise<number> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(text), (error) => resolve(error?.code ?? status.OK));
  });
}

async function talk(client: Client): Promise<void> {
  const call = client.makeBidiStreamRequest(TALK, same, same);
  const over = new Promise((resolve) => call.on('status', resolve));
  for (let i = 0; i < 3; i++) call.write(Buffer.alloc(40_000));
  call.end();
  call.resume();
  await over;
}

/** Statuses that callers see. */
async function calls(t: TestContext, { address }: Proxy): Promise<number[]> {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  t.after(() => client.close());
  const codes: number[] = [];
  for (const text of ['a', 'b', 'fail']) codes.push(await unary(client, '/test.Echo/Say', text));
  await talk(client);
  // No call by its path, nobody's path, a query, an upstream that is away, answers that go nowhere.
  const paths = ['/test.One', '/test.Echo/Not/Known', '/test.Echo/Unknown', '/test.Echo/Say?x=1', '/gone/Away'];
  for (const path of [...paths, '/a.B/Direct', '/a.B/Nowhere', '/no.Route/Here']) codes.push(await unary(client, path));
  return codes;
}

const EXPECTED_CODES = [0, 0, 9, 12, 12, 12, 12, 14, 14, 14, 12];

const SAY = {
  '0': 2,
  '12': 1,
  '9': 1,
  failure: 2,
  request_message_count: 4,
  response_message_count: 2,
  success: 2,
  total: 4,
};
const SPOKEN = { '0': 1, request_message_count: 3, response_message_count: 3, success: 1, total: 1 };
const NOT_KNOWN = { '12': 1, failure: 1, request_message_count: 1, total: 1 };
const AWAY = { '14': 1, failure: 1, request_message_count: 1, total: 1 };

type Figures = Readonly<Record<string, number>>;

function named(prefix: string, ...figures: readonly Figures[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, value] of figures.flatMap((each) => Object.entries(each)))
    sums[`${prefix}${name}`] = (sums[`${prefix}${name}`] ?? 0) + value;
  return sums;
}

const ROWS: readonly { readonly config: string; readonly figures: Figures }[] = [
  {
    config: '',
    figures: { ...named('cluster.o1.grpc.', SAY, SPOKEN, NOT_KNOWN), ...named('cluster.gone.grpc.', AWAY) },
  },
  {
    config: 'stats_for_all_methods: false',
    figures: { ...named('cluster.o1.grpc.', SAY, SPOKEN, NOT_KNOWN), ...named('cluster.gone.grpc.', AWAY) },
  },
  {
    config: 'stats_for_all_methods: true',
    figures: {
      ...named('cluster.o1.grpc.test.Echo.Say.', SAY),
      ...named('cluster.o1.grpc.test.Echo.Talk.', SPOKEN),
      ...named('cluster.o1.grpc.test.Echo.Unknown.', NOT_KNOWN),
      ...named('cluster.gone.grpc.gone.Away.', AWAY),
    },
  },
  {
    config: 'stats_for_all_methods: true, replace_dots_in_grpc_service_name: true',
    figures: {
      ...named('cluster.o1.grpc.test_Echo.Say.', SAY),
      ...named('cluster.o1.grpc.test_Echo.Talk.', SPOKEN),
      ...named('cluster.o1.grpc.test_Echo.Unknown.', NOT_KNOWN),
      ...named('cluster.gone.grpc.gone.Away.', AWAY),
    },
  },
  {
    config:
      'replace_dots_in_grpc_service_name: true, individual_method_stats_allowlist: {services: [{name: test.Echo, method_names: [Say]}]}',
    figures: {
      ...named('cluster.o1.grpc.test.Echo.Say.', SAY),
      ...named('cluster.o1.grpc.', SPOKEN, NOT_KNOWN),
      ...named('cluster.gone.grpc.', AWAY),
    },
  },
];

function grpcFigures(text: string): Record<string, number> {
  const lines = text.split('\n').map((line) => line.split(': ') as [string, string]);
  return Object.fromEntries(
    lines.filter(([name]) => /^cluster\..*\.grpc\./.test(name)).map(([name, value]) => [name, Number(value)]),
  );
}

for (const [who, start, options] of [
  ['ours', ours, {}],
  ['a stock Envoy', envoys, envoyOrSkip()],
] as const)
  describe(`gRPC statistics of ${who}`, options, () => {
    for (const { config, figures } of ROWS)
      it(config || 'without a word', async (t) => {
        const proxy = await start(t, config);
        assert.deepEqual(await calls(t, proxy), EXPECTED_CODES);
        // Envoy counts a call after its caller has the answer.
        await eventually(async () => assert.deepEqual(grpcFigures(await proxy.stats()), figures));
      });
  });
