// The ADS client against a scripted server over real gRPC: order, ACK and NACK, nonces, reconnects.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import type { Clock } from '../../../core/clock.ts';
import { systemClock } from '../../../core/clock.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../proto/resources.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import type { AdsSource } from '../../../sidecar/xds/ads-source.ts';
import { createAdsSource } from '../../../sidecar/xds/ads-source.ts';
import type { Prepare } from '../../../sidecar/xds/source.ts';
import { Resources } from '../../../sidecar/xds/resources.ts';
import type { AdsServer } from './ads-server.ts';
import { startAdsServer } from './ads-server.ts';
import {
  assignmentJson,
  bytesOf,
  clusterJson,
  edsClusterJson,
  listenerJson,
  managerJson,
  routesJson,
  routeTo,
} from './messages.ts';

const SILENT = { info: () => undefined, warn: () => undefined };
const NODE = {
  id: 'n1',
  cluster: 'web',
  region: '',
  zone: 'z1',
  subZone: '',
  metadata: { fairlead: { service: 'web' } },
};
/** Waits are a hundredth of what they say, so that backoffs do not slow the tests down. */
const hasty: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 100, run) };

interface Rig {
  readonly server: AdsServer;
  readonly resources: Resources;
  readonly ads: AdsSource;
  stop(): void;
}

async function rig(options: { emptyHoldMs?: number; clock?: Clock; prepare?: Prepare } = {}): Promise<Rig> {
  const server = await startAdsServer();
  const clock = options.clock ?? hasty;
  const resources = new Resources({
    fixed: EMPTY_SNAPSHOT,
    allowUnsupported: false,
    clock,
    wildcard: { listeners: true, clusters: true },
    ownSecrets: new Set(),
    warn: () => undefined,
  });
  const ads = createAdsSource({
    target: `ipv4:127.0.0.1:${server.port}`,
    authority: null,
    serverName: 'discovery',
    metadata: [],
    credentials: () => credentials.createInsecure(),
    node: NODE,
    clock,
    initialFetchTimeoutMs: 15_000,
    emptyHoldMs: options.emptyHoldMs ?? 60_000,
    prepare: options.prepare ?? resources.prepare,
    inForce: (type) => resources.holds(type),
    hasEndpoints: (name) => (resources.snapshot.value.endpoints.get(name)?.localities.length ?? 0) > 0,
    log: SILENT,
  });
  const stopSource = ads.source(resources.judge, resources.wanted);
  const stop = () => {
    stopSource();
    server.close();
  };
  after(stop);
  return { server, resources, ads, stop };
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  assert.fail('it did not come to that');
}

test('clusters are asked for first, listeners after them, names as they are mentioned', async () => {
  const { server, resources } = await rig();
  const stream = await server.stream();
  const cds = await stream.request(CLUSTER);
  assert.equal(cds.node?.id, 'n1');
  assert.deepEqual(cds.node?.metadata, { fairlead: { service: 'web' } });
  assert.equal(cds.versionInfo, '');
  assert.deepEqual(cds.resourceNames, []);
  assert.equal(stream.waiting.length, 0, 'nothing else is asked for before clusters came');

  stream.send(CLUSTER, 'c1', 'n-c1', [bytesOf(CLUSTER, edsClusterJson('a')), bytesOf(CLUSTER, edsClusterJson('b'))]);
  const ack = await stream.request(CLUSTER);
  assert.equal(ack.versionInfo, 'c1');
  assert.equal(ack.responseNonce, 'n-c1');
  assert.equal(ack.errorDetail, undefined);
  assert.equal(ack.node, undefined, 'the node goes with the first message only');
  assert.deepEqual((await stream.request(ENDPOINT)).resourceNames, ['a', 'b']);
  assert.deepEqual((await stream.request(LISTENER)).resourceNames, []);

  const rds = { config_source: { ads: {} }, route_config_name: 'main' };
  stream.send(LISTENER, 'l1', 'n-l1', [bytesOf(LISTENER, listenerJson('in', 15006, managerJson({ rds })))]);
  assert.deepEqual((await stream.request(ROUTE)).resourceNames, ['main']);
  stream.send(ROUTE, 'r1', 'n-r1', [bytesOf(ROUTE, routesJson('main', [routeTo('a')]))]);
  stream.send(ENDPOINT, 'e1', 'n-e1', [bytesOf(ENDPOINT, assignmentJson('a', [['127.0.0.1', 1]]))]);
  assert.equal((await stream.request(ROUTE)).responseNonce, 'n-r1');
  assert.equal((await stream.request(ENDPOINT)).responseNonce, 'n-e1');
  const { value } = resources.snapshot;
  assert.deepEqual([...value.clusters.keys()], ['a', 'b']);
  assert.deepEqual([...value.endpoints.keys()], ['a']);
  assert.deepEqual([...value.routes.keys()], ['main']);
  assert.deepEqual([...value.listeners.keys()], ['in']);
});

test('a bad resource is refused by name, the good ones apply, the version stays', async () => {
  const { server, resources, ads } = await rig();
  const stream = await server.stream();
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, clusterJson('a'))]);
  await stream.request(CLUSTER);
  const before = resources.snapshot.value.clusters.get('a');
  stream.send(CLUSTER, 'c2', 'n2', [
    bytesOf(CLUSTER, clusterJson('a')),
    bytesOf(CLUSTER, clusterJson('bad', { connect_timeout: '0s' })),
    bytesOf(CLUSTER, clusterJson('worse', { lb_policy: 'MAGLEV' })),
    bytesOf(CLUSTER, clusterJson('good')),
  ]);
  const nack = await stream.request(CLUSTER);
  assert.equal(nack.versionInfo, 'c1');
  assert.equal(nack.responseNonce, 'n2');
  assert.equal(nack.errorDetail?.code, 3);
  assert.match(nack.errorDetail?.message ?? '', /^bad: connect_timeout: must be greater than 0s\nworse: lb_policy: /);
  assert.deepEqual([...resources.snapshot.value.clusters.keys()], ['a', 'good']);
  assert.equal(resources.snapshot.value.clusters.get('a'), before, 'what did not change is the same object');
  assert.deepEqual(
    resources.refused.map(({ name }) => name),
    ['bad', 'worse'],
  );
  assert.equal(ads.status.value.types.get(CLUSTER)?.rejected, 1);

  stream.send(CLUSTER, 'c3', 'n3', [bytesOf(CLUSTER, clusterJson('a')), bytesOf(CLUSTER, clusterJson('bad'))]);
  assert.equal((await stream.request(CLUSTER)).versionInfo, 'c3');
  assert.deepEqual([...resources.snapshot.value.clusters.keys()], ['a', 'bad']);
  assert.equal(ads.status.value.types.get(CLUSTER)?.lastRefusal, null);
});

test('one name twice, a wrong type inside and an unreadable resource are each refused', async () => {
  const { server, resources } = await rig();
  const stream = await server.stream();
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c0', 'n0', [bytesOf(CLUSTER, clusterJson('old'))]);
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c1', 'n1', [
    bytesOf(CLUSTER, clusterJson('old')),
    bytesOf(CLUSTER, clusterJson('a')),
    bytesOf(CLUSTER, clusterJson('a', { alt_stat_name: 'x' })),
  ]);
  assert.match((await stream.request(CLUSTER)).errorDetail?.message ?? '', /^a: stands twice/);
  stream.send(CLUSTER, 'c2', 'n2', [bytesOf(ROUTE, routesJson('r', []))], ROUTE.typeUrl);
  assert.match(
    (await stream.request(CLUSTER)).errorDetail?.message ?? '',
    /^resources\[0\]: is a .*RouteConfiguration in a response of type/,
  );
  stream.send(CLUSTER, 'c3', 'n3', [Buffer.from([0xff, 0xff])]);
  assert.match((await stream.request(CLUSTER)).errorDetail?.message ?? '', /^resources\[0\]: cannot be read as/);
  assert.ok(resources.snapshot.value.clusters.has('old'), 'what has no name takes nothing away');
});

test('after the stream ends the client comes back with its versions, an empty nonce and the node', async () => {
  const { server, resources, ads } = await rig();
  const first = await server.stream();
  await first.request(CLUSTER);
  first.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, edsClusterJson('a'))]);
  await first.request(CLUSTER);
  await first.request(ENDPOINT);
  first.send(ENDPOINT, 'e1', 'n2', [bytesOf(ENDPOINT, assignmentJson('a', [['127.0.0.1', 1]]))]);
  await first.request(ENDPOINT);
  first.end();
  const second = await server.stream();
  const again = await second.request(CLUSTER);
  assert.equal(again.versionInfo, 'c1');
  assert.equal(again.responseNonce, '');
  assert.equal(again.node?.id, 'n1');
  const endpoints = await second.request(ENDPOINT);
  assert.equal(endpoints.versionInfo, 'e1');
  assert.deepEqual(endpoints.resourceNames, ['a']);
  await second.request(LISTENER);
  assert.deepEqual([...resources.snapshot.value.endpoints.keys()], ['a'], 'what is in force stays');
  assert.equal(ads.status.value.connects, 2);
});

test('a name that is no longer mentioned is unsubscribed, and its endpoints go', async () => {
  const { server, resources } = await rig();
  const stream = await server.stream();
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, edsClusterJson('a')), bytesOf(CLUSTER, edsClusterJson('b'))]);
  await stream.request(ENDPOINT);
  stream.send(ENDPOINT, 'e1', 'n2', [
    bytesOf(ENDPOINT, assignmentJson('a', [])),
    bytesOf(ENDPOINT, assignmentJson('b', [])),
  ]);
  await stream.request(ENDPOINT);
  stream.send(CLUSTER, 'c2', 'n3', [bytesOf(CLUSTER, edsClusterJson('b'))]);
  const narrowed = await stream.request(ENDPOINT);
  assert.deepEqual(narrowed.resourceNames, ['b']);
  assert.equal(narrowed.responseNonce, 'n2');
  assert.deepEqual([...resources.snapshot.value.endpoints.keys()], ['b']);
  stream.send(ENDPOINT, 'e2', 'n4', [bytesOf(ENDPOINT, assignmentJson('a', []))]);
  assert.equal((await stream.request(ENDPOINT)).versionInfo, 'e2', 'what nobody asked for is ACKed and passed over');
  assert.deepEqual([...resources.snapshot.value.endpoints.keys()], ['b']);
});

test('an empty full state of a new server is not believed at once; of the same server it is', async () => {
  const { server, resources } = await rig({ emptyHoldMs: 20_000 });
  const first = await server.stream();
  await first.request(CLUSTER);
  first.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, clusterJson('a'))]);
  await first.request(CLUSTER);
  first.end();
  const second = await server.stream();
  await second.request(CLUSTER);
  second.send(CLUSTER, 'c2', 'n1', []);
  await second.request(CLUSTER);
  assert.deepEqual([...resources.snapshot.value.clusters.keys()], ['a']);
  await until(() => resources.snapshot.value.clusters.size === 0);

  second.send(CLUSTER, 'c3', 'n2', [bytesOf(CLUSTER, clusterJson('b'))]);
  await second.request(CLUSTER);
  second.send(CLUSTER, 'c4', 'n3', []);
  await second.request(CLUSTER);
  assert.equal(resources.snapshot.value.clusters.size, 0, 'this server filled it and may empty it');
});

test('a new server without endpoints is not believed at once either; the same server is', async () => {
  const { server, resources } = await rig({ emptyHoldMs: 20_000 });
  const hosts = () => resources.snapshot.value.endpoints.get('a')?.localities.length ?? 0;
  const first = await server.stream();
  await first.request(CLUSTER);
  first.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, edsClusterJson('a'))]);
  await first.request(ENDPOINT);
  first.send(ENDPOINT, 'e1', 'n2', [bytesOf(ENDPOINT, assignmentJson('a', [['127.0.0.1', 1]]))]);
  await first.request(ENDPOINT);
  first.end();
  const second = await server.stream();
  await second.request(ENDPOINT);
  const nobody = bytesOf(ENDPOINT, { cluster_name: 'a' });
  second.send(ENDPOINT, 'e2', 'n1', [nobody]);
  assert.equal((await second.request(ENDPOINT)).versionInfo, 'e2');
  assert.equal(hosts(), 1);
  await until(() => hosts() === 0);

  second.send(ENDPOINT, 'e3', 'n2', [bytesOf(ENDPOINT, assignmentJson('a', [['127.0.0.1', 2]]))]);
  await second.request(ENDPOINT);
  assert.equal(hosts(), 1);
  second.send(ENDPOINT, 'e4', 'n3', [nobody]);
  await second.request(ENDPOINT);
  assert.equal(hosts(), 0, 'this server filled it and may empty it');
});

test('what was refused is not judged again at once when it comes again', async () => {
  const { server, ads } = await rig({ clock: systemClock });
  const stream = await server.stream();
  await stream.request(CLUSTER);
  const bad = [bytesOf(CLUSTER, clusterJson('bad', { connect_timeout: '0s' }))];
  stream.send(CLUSTER, 'c1', 'n1', bad);
  assert.equal((await stream.request(CLUSTER)).errorDetail?.code, 3);
  for (let n = 2; n <= 50; n++) stream.send(CLUSTER, 'c1', `n${n}`, bad);
  const again = await stream.request(CLUSTER);
  assert.equal(again.responseNonce, 'n50', 'one answer for all of them');
  assert.equal(again.errorDetail?.code, 3);
  assert.equal(ads.status.value.types.get(CLUSTER)?.rejected, 2);
  // Anything else is judged at once.
  stream.send(CLUSTER, 'c1', 'n51', bad);
  stream.send(CLUSTER, 'c2', 'n52', [bytesOf(CLUSTER, clusterJson('good'))]);
  const taken = await stream.request(CLUSTER);
  assert.deepEqual([taken.versionInfo, taken.responseNonce], ['c2', 'n52']);
});

test('what cannot be read ends the stream, and the client comes back', async () => {
  const { server, ads } = await rig();
  const first = await server.stream();
  await first.request(CLUSTER);
  first.raw(Buffer.from([0xff, 0xff, 0xff]));
  const second = await server.stream();
  await second.request(CLUSTER);
  assert.equal(ads.status.value.lastError, 'a response cannot be read');
});

test('without a server the client keeps trying, and finds it when it comes', async () => {
  const { server, ads, resources } = await rig();
  const stream = await server.stream();
  await stream.request(CLUSTER);
  const { port } = server;
  server.close();
  await until(() => ads.status.value.failures >= 2);
  assert.equal(ads.status.value.connected, false);
  const back = await startAdsServer(port);
  after(() => back.close());
  const again = await back.stream();
  await again.request(CLUSTER);
  again.send(CLUSTER, 'c1', 'n1', [bytesOf(CLUSTER, clusterJson('a'))]);
  await again.request(CLUSTER);
  assert.equal(ads.status.value.connected, true);
  assert.equal(resources.snapshot.value.clusters.size, 1);
});

test('responses that follow a large one are judged after it, and it is answered once', async () => {
  const { server, resources } = await rig();
  const stream = await server.stream();
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c1', 'n-c1', [bytesOf(CLUSTER, edsClusterJson('a'))]);
  await stream.request(CLUSTER);
  assert.deepEqual((await stream.request(ENDPOINT)).resourceNames, ['a']);
  await stream.request(LISTENER);
  const many = Array.from({ length: 3000 }, (_, i): [string, number] => [`127.1.${i >> 8}.${i & 255}`, 1]);
  const order: string[] = [];
  resources.snapshot.subscribe(({ endpoints, clusters }) =>
    order.push(`${clusters.size} clusters, ${endpoints.get('a')?.localities[0]?.endpoints.length ?? 'no'} endpoints`),
  );
  stream.send(ENDPOINT, 'e1', 'n-e1', [bytesOf(ENDPOINT, assignmentJson('a', many))]);
  stream.send(CLUSTER, 'c2', 'n-c2', [bytesOf(CLUSTER, edsClusterJson('a')), bytesOf(CLUSTER, edsClusterJson('b'))]);
  assert.equal((await stream.request(ENDPOINT)).responseNonce, 'n-e1');
  assert.equal((await stream.request(CLUSTER)).responseNonce, 'n-c2');
  assert.deepEqual((await stream.request(ENDPOINT)).resourceNames, ['a', 'b']);
  assert.deepEqual(order, ['1 clusters, 3000 endpoints', '2 clusters, 3000 endpoints']);
  assert.equal(stream.waiting.length, 0);
});

test('a large response that is being prepared when the stream is given up is not judged', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let prepared = 0;
  const prepare: Prepare = (type) => {
    if (type !== ENDPOINT) return null;
    prepared++;
    return held;
  };
  const { server, resources, stop } = await rig({ prepare });
  const stream = await server.stream();
  await stream.request(CLUSTER);
  stream.send(CLUSTER, 'c1', 'n-c1', [bytesOf(CLUSTER, edsClusterJson('a'))]);
  await stream.request(ENDPOINT);
  stream.send(ENDPOINT, 'e1', 'n-e1', [bytesOf(ENDPOINT, assignmentJson('a', [['127.0.0.1', 1]]))]);
  await until(() => prepared === 1);
  stop();
  release();
  await held;
  assert.equal(resources.snapshot.value.endpoints.size, 0);
});
