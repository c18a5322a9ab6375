// Configuration over ADS with several workers: one stream, one answer for each update, and every worker
// serves what the update says. Keys come by message and never touch the disk.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import type { JsonObject } from '@bufbuild/protobuf';
import { until } from '../../../examples/tea-shop/ask.ts';
import type { DiscoveryRequest } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { CLUSTER, LISTENER, type ResourceType, ROUTE, SECRET } from '../../../proto/resources.ts';
import { openClient } from '../../mesh/client.ts';
import { makeLeaf, makeRoot } from '../../mesh/pki.ts';
import { tempDir } from '../../temp-dir.ts';
import { type AdsServer, type AdsStream, startAdsServer } from '../xds/ads-server.ts';
import { bytesOf, clusterJson, listenerJson, managerJson, routesJson } from '../xds/messages.ts';
import { askOften, type Inside, runInside } from './process.ts';

const TIMES = 24;

function bootstrap({ port }: AdsServer): string {
  return `node: {id: n1, cluster: c1}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
  cds_config: {resource_api_version: V3, ads: {}}
  lds_config: {resource_api_version: V3, ads: {}}
static_resources:
  clusters:
  - name: xds
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}]}]}
`;
}

/** What a discovery sends, each time under a new version; the answer to it. */
class Discovery {
  readonly #stream: AdsStream;
  #count = 0;

  constructor(stream: AdsStream) {
    this.#stream = stream;
  }

  async send(type: ResourceType, ...resources: readonly JsonObject[]): Promise<DiscoveryRequest> {
    const version = `v${++this.#count}`;
    this.#stream.send(
      type,
      version,
      version,
      resources.map((json) => bytesOf(type, json)),
    );
    for (;;) {
      const request = await this.#stream.request(type);
      if (request.responseNonce === version) return request;
    }
  }

  /** Answers that nobody waited for: there must be none. */
  get surplus(): readonly string[] {
    return this.#stream.waiting.map(({ typeUrl, responseNonce }) => `${typeUrl} ${responseNonce}`);
  }
}

const MANAGER = managerJson({ rds: { config_source: { ads: {} }, route_config_name: 'r' } });

function saying(text: string): JsonObject {
  const answer = { status: 200, body: { inline_string: text } };
  return routesJson('r', [{ match: { prefix: '/' }, direct_response: answer }]);
}

async function rig(t: TestContext): Promise<{ discovery: Discovery; sidecar: Inside; state: string }> {
  const server = await startAdsServer();
  t.after(() => server.close());
  const state = tempDir(t);
  const starting = runInside(t, bootstrap(server), ['--concurrency', '2', '--state-dir', state]);
  const discovery = new Discovery(await server.stream());
  await discovery.send(CLUSTER, clusterJson('a'));
  await discovery.send(LISTENER, listenerJson('main', 0, MANAGER));
  await discovery.send(ROUTE, saying('one'));
  const sidecar = await starting;
  assert.equal(server.streams, 1);
  return { discovery, sidecar, state };
}

/** The figure of each worker for connections on the listener. */
function served({ pages }: Inside): Promise<number[]> {
  return Promise.all([0, 1].map((i) => pages.stat(`listener.127.0.0.1_0.worker_${i}.downstream_cx_total`)));
}

test('an update reaches every worker, and is answered once', { timeout: 120_000 }, async (t) => {
  const { discovery, sidecar } = await rig(t);
  await until('the listener', async () => (await sidecar.pages.port()) > 0);
  const port = await sidecar.pages.port();
  assert.deepEqual(new Set(await askOften(port, TIMES)), new Set(['one']));
  assert.ok(!(await served(sidecar)).includes(0));

  const ack = await discovery.send(ROUTE, saying('two'));
  assert.equal(ack.errorDetail, undefined);
  await until('the new answer from both', async () => (await askOften(port, TIMES)).every((text) => text === 'two'));

  const nack = await discovery.send(ROUTE, { name: 'r', virtual_hosts: [{ name: 'x', domains: [] }] });
  assert.match(nack.errorDetail?.message ?? '', /domains/);
  assert.deepEqual(new Set(await askOften(port, TIMES)), new Set(['two']), 'what was there stays');
  await discovery.send(ROUTE, saying('three'));
  await until('what came after', async () => (await askOften(port, TIMES)).every((text) => text === 'three'));
  assert.deepEqual(discovery.surplus, []);
  assert.ok(!sidecar.logged.some((line) => line.includes('judged otherwise')));
  assert.match(await sidecar.pages.get('/config_dump'), /"inline_string": "three"/);
  assert.equal(await sidecar.pages.stat('listener_manager.lds.update_success'), 1);
  assert.equal(await sidecar.pages.stat('cluster_manager.active_clusters'), 2);
});

test('a worker that comes later has what is in force, also what could not come anew', {
  timeout: 120_000,
}, async (t) => {
  const { discovery, sidecar } = await rig(t);
  const inline = managerJson({
    route_config: routesJson('inline', [{ match: { prefix: '/' }, route: { cluster: 'a' } }]),
  });
  await discovery.send(LISTENER, listenerJson('main', 0, MANAGER), listenerJson('other', 0, inline));
  await until('the other listener', async () => (await sidecar.pages.port('other')) > 0);
  const ports = [await sidecar.pages.port(), await sidecar.pages.port('other')];
  // Its route names a cluster that is gone: it stays, though it would be refused if it came now.
  await discovery.send(CLUSTER, clusterJson('b'));
  for (const thread of sidecar.workers.threads) {
    await thread.terminate();
    await until('another in its place', async () => (await sidecar.pages.get('/ready')) === 'LIVE\n');
  }
  assert.deepEqual([await sidecar.pages.port(), await sidecar.pages.port('other')], ports);
  assert.deepEqual(new Set(await askOften(ports[0] as number, TIMES)), new Set(['one']));
  await discovery.send(ROUTE, saying('two'));
  await until('an update in both', async () =>
    (await askOften(ports[0] as number, TIMES)).every((text) => text === 'two'),
  );
  assert.ok(!sidecar.logged.some((line) => line.includes('a worker refused')));
});

test('a certificate reaches every worker by message', { timeout: 120_000 }, async (t) => {
  const { discovery, sidecar, state } = await rig(t);
  const root = await makeRoot('root');
  const leaf = async (serial: string) => {
    const { cert, key } = await makeLeaf(root, { dns: [serial] });
    return {
      name: 's',
      tls_certificate: { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } },
    };
  };
  const socket = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 's', sds_config: { ads: {} } }] },
    },
  };
  const [chain] = listenerJson('tls', 0, MANAGER)['filter_chains'] as JsonObject[];
  const secure = listenerJson('tls', 0, MANAGER, { filter_chains: [{ ...chain, transport_socket: socket }] });
  await discovery.send(LISTENER, listenerJson('main', 0, MANAGER), secure);
  await discovery.send(SECRET, await leaf('first.test'));
  await until('the listener', async () => (await sidecar.pages.port('tls')) > 0);
  const port = await sidecar.pages.port('tls');
  assert.deepEqual(await namesShown(port), ['DNS:first.test']);
  await discovery.send(SECRET, await leaf('second.test'));
  await until('the renewed one in both', async () => (await namesShown(port)).join() === 'DNS:second.test');
  const { certificates } = JSON.parse(await sidecar.pages.get('/certs')) as { certificates: object[] };
  assert.equal(certificates.length, 1, 'the same in both is shown once');

  await until('the state on disk', async () => globSync('last-good.json', { cwd: state }).length > 0);
  for (const file of globSync('*', { cwd: state }))
    assert.ok(!Buffer.from(readFileSync(join(state, file))).includes('PRIVATE KEY'), file);

  // Workers log through the primary, at the level that was set for all.
  await sidecar.pages.post('/logging?runtime=debug');
  for (let n = 0; n < TIMES; n++) {
    const client = await openClient(port);
    await client.send('this is no ClientHello at all\r\n\r\n');
    await client.ended();
  }
  const refusals = sidecar.logged.filter((line) => line.includes('a TLS connection was refused'));
  assert.ok([0, 1].every((worker) => refusals.some((line) => line.includes(`"worker":${worker}`))));
});

/** Every name that certificates on that port show over many connections. */
async function namesShown(port: number): Promise<string[]> {
  const names = new Set<string>();
  for (let n = 0; n < TIMES; n++) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
      resolve(socket.getPeerCertificate().subjectaltname ?? ''),
    );
    socket.on('error', reject);
    names.add(await promise);
    socket.destroy();
  }
  return [...names];
}
