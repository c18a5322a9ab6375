// Discovery says what it should not: garbage, something bad among the good, the same bad thing for ever,
// things in the wrong order; or nothing at all, at the start.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../proto/resources.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { runSidecar } from '../../sidecar/concurrency/process.ts';
import { type AdsServer, startAdsServer } from '../../sidecar/xds/ads-server.ts';
import {
  assignmentJson,
  bytesOf,
  clusterJson,
  edsClusterJson,
  listenerJson,
  routesJson,
  routeTo,
} from '../../sidecar/xds/messages.ts';
import { tempDir } from '../../temp-dir.ts';
import { Ledger } from './ledger.ts';
import { MIB, residentOf, watchMemory } from './memory.ts';
import { RDS_MANAGER, ScriptedDiscovery } from './scripted-discovery.ts';
import { adsBootstrap, sidecarHere } from './sidecar-here.ts';
import { startTally } from './tally.ts';

async function discoveryFor(t: TestContext): Promise<AdsServer> {
  const server = await startAdsServer();
  t.after(() => server.close());
  return server;
}

async function originFor(t: TestContext) {
  const origin = await startTally();
  t.after(() => origin.close());
  return origin;
}

/** A sidecar as a process, which serves what it was told. */
async function rig(t: TestContext) {
  const [server, origin] = [await discoveryFor(t), await originFor(t)];
  const [port] = (await freePorts(1)) as [number];
  const starting = runSidecar(t, adsBootstrap(server.port));
  const discovery = await ScriptedDiscovery.client(server);
  await discovery.serve(port, origin.port);
  const sidecar = await starting;
  return { server, origin, port, discovery, sidecar, pid: sidecar.child.pid as number };
}

function request(port: number, path = '/now?id=x'): ReturnType<typeof call> {
  return call(`127.0.0.1:${port}`, path);
}

const MESSAGE_LIMIT = 64 * MIB;
/** The rest below twice the limit is for how the pieces lie in memory: up to 18 MiB more than twice the message. */
const LARGE = 48 * MIB;

test('C07 LKG MB: garbage of every kind', { timeout: 90_000 }, async (t) => {
  const { server, origin, port, discovery, sidecar, pid } = await rig(t);
  const ledger = new Ledger(port);
  const stop = ledger.steadily(50);
  const base = residentOf(pid);
  const watch = watchMemory(pid);
  let client = discovery;
  // What is a response but holds no resources: refused by number, the stream goes on.
  for (const bytes of [randomBytes(1000), Buffer.alloc(0, 0), Buffer.alloc(100, 0xff)]) {
    const nack = await client.sendBytes(CLUSTER, [bytes]);
    assert.equal(nack.errorDetail?.code, 3);
  }
  // A name can be read of this one, so the others must be there too: the state is whole.
  const wrong = bytesOf(ROUTE, routesJson('wrong', []));
  const right = bytesOf(CLUSTER, edsClusterJson('a'));
  assert.equal((await client.sendBytes(CLUSTER, [right, wrong])).errorDetail?.code, 3);
  assert.equal(
    (await client.sendBytes(LISTENER, [randomBytes(50)], 'type.googleapis.com/no.such.Type')).errorDetail?.code,
    3,
  );
  // One large resource; both it and the pieces it came in are there for a moment.
  const large = Buffer.alloc(LARGE, 0xff);
  assert.equal((await client.sendBytes(CLUSTER, [large])).errorDetail?.code, 3);
  // A type that nobody knows, and an answer to no request: passed over.
  client.stream.send({ ...CLUSTER, typeUrl: 'type.googleapis.com/no.such.Type' }, 'v', 'n', []);
  // What cannot be a response, and one past the limit, end the stream; the client comes back.
  for (const send of [
    () => client.stream.raw(randomBytes(10_000)),
    () => client.stream.send(CLUSTER, 'v', 'n', [Buffer.alloc(MESSAGE_LIMIT + 1)]),
  ]) {
    const { streams } = server;
    send();
    client = await ScriptedDiscovery.client(server);
    assert.equal(server.streams, streams + 1);
    await client.stream.request(CLUSTER);
  }
  const grown = watch.most() - base;
  stop();
  const { sent, good, lost, mixed, failed } = await ledger.verdict(origin.executed);
  t.diagnostic(`${good} of ${sent} good; grew by ${(grown / MIB).toFixed(0)} MiB from ${(base / MIB).toFixed(0)}`);
  assert.deepEqual({ good, lost, mixed, failed }, { good: sent, lost: 0, mixed: 0, failed: [] });
  assert.equal(await sidecar.pages.get('/ready'), 'LIVE\n');
  assert.ok(grown < 2 * MESSAGE_LIMIT, `grew by ${grown} bytes`);
});

/** Seconds of processor time. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test('C08 LKG: one bad resource among a thousand good ones: one NACK, by name; C09: the same again 1000/s', {
  timeout: 60_000,
}, async (t) => {
  const { origin, port, discovery, pid, sidecar } = await rig(t);
  const good = Array.from({ length: 1000 }, (_, n) => clusterJson(`good-${n}`));
  const resources = [edsClusterJson('a'), ...good, clusterJson('bad', { connect_timeout: '0s' })];
  const nack = await discovery.send(CLUSTER, ...resources);
  assert.match(nack.errorDetail?.message ?? '', /^bad: connect_timeout: [^\n]*$/);
  await eventually(async () => assert.equal(await sidecar.pages.stat('cluster_manager.active_clusters'), 1002));
  // Whatever comes after it was answered after it: there was one NACK and no more.
  await discovery.send(ENDPOINT, assignmentJson('a', [['127.0.0.1', origin.port]]));
  assert.deepEqual(
    discovery.stream.waiting.filter(({ typeUrl }) => typeUrl === CLUSTER.typeUrl),
    [],
  );

  const bytes = [
    bytesOf(CLUSTER, edsClusterJson('a')),
    bytesOf(CLUSTER, clusterJson('bad', { connect_timeout: '0s' })),
  ];
  assert.equal((await discovery.sendBytes(CLUSTER, bytes)).errorDetail?.code, 3);
  const rejected = await sidecar.pages.stat('cluster_manager.cds.update_rejected');
  const [before, began] = [processorTime(pid), performance.now()];
  let sent = 0;
  while (performance.now() - began < 3000) {
    const due = performance.now() - began;
    for (; sent < due; sent++) discovery.stream.send(CLUSTER, 'same', `nonce-${sent}`, bytes);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const share = (processorTime(pid) - before) / ((performance.now() - began) / 1000);
  const nacks = (await sidecar.pages.stat('cluster_manager.cds.update_rejected')) - rejected;
  t.diagnostic(`${sent} times in 3 s: ${nacks} NACKs, ${(share * 100).toFixed(1)} % of a core`);
  assert.ok(nacks >= 1 && nacks <= 4, `${nacks} NACKs`);
  assert.equal((await request(port)).status, 200);
  // What is good again is taken at once.
  assert.equal((await discovery.send(CLUSTER, edsClusterJson('a'))).errorDetail, undefined);
});

test('C11: endpoints of nobody, a cluster removed in use, routes that lead nowhere, every order', async (t) => {
  const [server, origin] = [await discoveryFor(t), await originFor(t)];
  const sidecar = await sidecarHere(t, adsBootstrap(server.port));
  const discovery = await ScriptedDiscovery.client(server);
  await discovery.serve(0, origin.port);
  await sidecar.pages.untilLive();
  const port = await sidecar.pages.port();

  // Endpoints of a cluster that nobody mentioned: no harm.
  assert.equal((await discovery.send(ENDPOINT, assignmentJson('ghost', [['127.0.0.1', 1]]))).errorDetail, undefined);
  assert.equal((await request(port)).status, 200);
  // Its cluster goes while a request is under way: that one ends well, the next is told why.
  const underWay = request(port, '/after/300?id=late');
  await eventually(() => assert.equal(origin.underWay, 1));
  await discovery.send(CLUSTER, edsClusterJson('b'));
  const refused = await request(port);
  assert.deepEqual([refused.status, refused.body], [503, '']);
  assert.deepEqual([(await underWay).status, (await underWay).body], [200, 'late']);
  // The route first, its cluster next, its endpoints last: 503 until all is there, and 200 from then on.
  await discovery.send(ROUTE, routesJson('r', [routeTo('c')]));
  assert.equal((await request(port)).status, 503);
  await discovery.send(CLUSTER, edsClusterJson('b'), edsClusterJson('c'));
  await discovery.send(ENDPOINT, assignmentJson('c', [['127.0.0.1', origin.port]]));
  await eventually(async () => assert.equal((await request(port)).status, 200));

  // In the right order nobody notices: make before break.
  const ledger = new Ledger(port);
  const stop = ledger.steadily(100);
  for (const name of ['d', 'e', 'f', 'g']) {
    const old = String.fromCharCode(name.charCodeAt(0) - 1);
    await discovery.send(CLUSTER, edsClusterJson(old), edsClusterJson(name));
    await discovery.send(ENDPOINT, assignmentJson(name, [['127.0.0.1', origin.port]]));
    await discovery.send(LISTENER, listenerJson('main', 0, { ...RDS_MANAGER, stat_prefix: name }));
    await discovery.send(ROUTE, routesJson('r', [routeTo(name)]));
    await discovery.send(CLUSTER, edsClusterJson(name));
    const { sent } = ledger;
    await eventually(() => assert.ok(ledger.sent > sent + 10));
  }
  stop();
  const { sent, good, lost, mixed, failed } = await ledger.verdict(origin.executed);
  t.diagnostic(`${good} of ${sent} good`);
  assert.deepEqual({ good, lost, mixed, failed }, { good: sent, lost: 0, mixed: 0, failed: [] });
});

const DRAINS_LONG = { ...RDS_MANAGER, drain_timeout: '60s' };

for (const [how, name] of [
  ['moves to another address', 'main'],
  ['goes, and another has its routes', 'other'],
] as const) {
  test(`C11 L0: a listener ${how}: connections that are open follow its routes`, async (t) => {
    const [server, origin] = [await discoveryFor(t), await originFor(t)];
    const [from, to] = (await freePorts(2)) as [number, number];
    const starting = runSidecar(t, adsBootstrap(server.port));
    const discovery = await ScriptedDiscovery.client(server);
    await discovery.serve(from, origin.port, DRAINS_LONG);
    await (await starting).pages.untilLive();
    const client = await openClient(from);
    t.after(() => client.close());
    const ask = async (id: string) => {
      const before = client.received.length;
      await client.send(`GET /now?id=${id} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.until((all) => all.slice(before).includes('\r\n\r\n'));
      return client.received.slice(before);
    };
    assert.match(await ask('one'), /^HTTP\/1.1 200 OK/);
    // Make before break.
    await discovery.send(CLUSTER, edsClusterJson('a'), edsClusterJson('b'));
    await discovery.send(ENDPOINT, assignmentJson('b', [['127.0.0.1', origin.port]]));
    await discovery.send(LISTENER, listenerJson(name, to, DRAINS_LONG));
    await eventually(async () => assert.equal((await request(to)).status, 200));
    await discovery.send(ROUTE, routesJson('r', [routeTo('b')]));
    await discovery.send(CLUSTER, edsClusterJson('b'));
    const answer = await ask('two');
    assert.match(answer, /^HTTP\/1.1 200 OK/);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    await assert.rejects(request(from), { code: 'ECONNREFUSED' });
  });
}

test('C19 LKG: discovery is down at the start, and there is a snapshot', async (t) => {
  const [server, origin] = [await discoveryFor(t), await originFor(t)];
  const [port] = (await freePorts(1)) as [number];
  const flags = ['--state-dir', tempDir(t)];
  const first = await sidecarHere(t, adsBootstrap(server.port), flags);
  const discovery = await ScriptedDiscovery.client(server);
  await discovery.serve(port, origin.port);
  await first.pages.untilLive();
  const saved = `${flags[1]}/last-good.json`;
  await eventually(() => assert.match(readFileSync(saved, 'utf8'), /RouteConfiguration/));
  await first.stop();
  server.close();

  const second = await sidecarHere(t, adsBootstrap(server.port), flags);
  await second.pages.untilLive();
  assert.equal((await request(port)).status, 200);
  assert.equal(await second.pages.stat('control_plane.connected_state'), 0);
  await eventually(async () => assert.ok((await second.pages.stat('control_plane.stale_seconds')) >= 1));
  assert.ok(second.logged.some((line) => line.includes('serving the last good configuration')));
});

test('C20: discovery is down at the start, and there is no snapshot: not ready, nothing open, until it comes', async (t) => {
  const origin = await originFor(t);
  const [xds, port] = (await freePorts(2)) as [number, number];
  const sidecar = await sidecarHere(t, adsBootstrap(xds));
  await eventually(() =>
    assert.ok(sidecar.logged.filter((line) => line.includes('the stream to discovery ended')).length >= 2),
  );
  assert.notEqual(await sidecar.pages.get('/ready'), 'LIVE\n');
  await assert.rejects(request(port), { code: 'ECONNREFUSED' });
  const server = await startAdsServer(xds);
  t.after(() => server.close());
  const discovery = await ScriptedDiscovery.client(server);
  await discovery.serve(port, origin.port);
  await sidecar.pages.untilLive();
  assert.equal((await request(port)).status, 200);
});
