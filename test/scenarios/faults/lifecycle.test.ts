// The sidecar itself is ended, ended again, killed while it applies a change, and given new certificates.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { CLUSTER, LISTENER, ROUTE } from '../../../proto/resources.ts';
import { freePorts } from '../../../examples/tea-shop/free-ports.ts';
import { call } from '../../mesh/call.ts';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { bootstrapText, snapshotOf, startProxy } from '../../mesh/proxy.ts';
import { runSidecar } from '../../sidecar/concurrency/process.ts';
import { startAdsServer } from '../../sidecar/xds/ads-server.ts';
import { assignmentJson, clusterJson, listenerJson, routesJson, routeTo } from '../../sidecar/xds/messages.ts';
import { tempDir } from '../../temp-dir.ts';
import { Ledger } from './ledger.ts';
import { RDS_MANAGER, ScriptedDiscovery } from './scripted-discovery.ts';
import { adsBootstrap } from './sidecar-here.ts';
import { startTally } from './tally.ts';

test('L01 L0: SIGTERM under traffic: what is under way finishes, then the process ends with 0', {
  timeout: 60_000,
}, async (t) => {
  const origin = await startTally();
  t.after(() => origin.close());
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }));
  const port = await sidecar.pages.port();
  const ledger = new Ledger(port);
  for (let n = 0; n < 20; n++) void ledger.send({ path: '/after/2500', method: n % 2 === 0 ? 'POST' : 'GET' });
  const uploading = await openClient(port);
  await uploading.send('POST /now?id=up HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n12');
  const stop = ledger.steadily(300, (n) => (n % 5 === 0 ? { method: 'POST', path: '/after/50' } : {}));
  await eventually(() => assert.ok(ledger.sent > 200));

  sidecar.child.kill('SIGTERM');
  // As whoever balances load does: goes on until it hears that the instance is leaving.
  await eventually(async () => assert.notEqual(await sidecar.pages.get('/ready'), 'LIVE\n'));
  const { sent: sentBefore } = ledger;
  await eventually(() => assert.ok(ledger.sent > sentBefore + 100));
  stop();
  await uploading.send('34');
  assert.match(await uploading.ended(), /^HTTP\/1\.1 200 [\s\S]*connection: close\r\n[\s\S]*up$/);
  const { sent, good, lost, mixed, duplicated, failed } = await ledger.verdict(origin.executed);
  t.diagnostic(`${good} of ${sent} good`);
  assert.deepEqual(
    { good, lost, mixed, duplicated, failed },
    { good: sent, lost: 0, mixed: 0, duplicated: 0, failed: [] },
  );
  assert.equal(await sidecar.exitCode, 0);
});

for (const second of ['SIGTERM', 'SIGINT'] as const) {
  test(`L02 TB: ${second} while draining: the end at once, and not with 0`, { timeout: 30_000 }, async (t) => {
    const origin = await startTally();
    t.after(() => origin.close());
    const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }));
    const client = await openClient(await sidecar.pages.port());
    await client.send('GET /after/600000?id=1 HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => assert.equal(origin.underWay, 1));
    sidecar.child.kill('SIGTERM');
    await eventually(async () => assert.notEqual(await sidecar.pages.get('/ready'), 'LIVE\n'));
    assert.equal(sidecar.child.exitCode, null);
    const began = performance.now();
    sidecar.child.kill(second);
    assert.equal(await sidecar.exitCode, 1);
    // The drain would have taken ten seconds.
    assert.ok(performance.now() - began < 5000);
    assert.equal(await client.ended(), '');
  });
}

/** Into the work of a change, and around the moment when it is written to disk, in milliseconds after it came. */
const KILLED_AFTER = [0, 200, 600, 800, 1000, 1300, 2500, 2000];
/** Long enough for a state to be written that a change is in the middle of. */
const BETWEEN_MS = 700;
const FILLERS = 200;

test('L06 LKG: kill -9 while a change is applied and written: the disk holds the old state or the new one', {
  timeout: 180_000,
}, async (t) => {
  const [server, origin] = [await startAdsServer(), await startTally()];
  t.after(() => Promise.all([server.close(), origin.close()]));
  const [port] = (await freePorts(1)) as [number];
  const flags = ['--state-dir', tempDir(t)];
  const cluster = (name: string) =>
    clusterJson(name, { load_assignment: assignmentJson(name, [['127.0.0.1', origin.port]]) });
  // What serves now goes before the routes have moved: such a state is in force, but not to be found on disk.
  const change = async (discovery: ScriptedDiscovery, version: number) => {
    const fillers = Array.from({ length: FILLERS }, (_, n) => clusterJson(`filler-${version}-${n}`));
    await discovery.send(CLUSTER, cluster(`c${version}`), ...fillers);
    await discovery.send(LISTENER, listenerJson('main', port, RDS_MANAGER));
    if (version > 1) await pause(BETWEEN_MS);
    const headers = [{ header: { key: 'x-version', value: String(version) } }];
    await discovery.send(ROUTE, routesJson('r', [routeTo(`c${version}`)], { response_headers_to_add: headers }));
  };
  // The first run is not killed in its work: there has to be something on the disk.
  let version = 1;
  let sidecar = runSidecar(t, adsBootstrap(server.port), flags, false);
  let discovery = await ScriptedDiscovery.client(server);
  await change(discovery, version);
  await (await sidecar).pages.untilLive();
  await pause(1500);
  const found = [version];
  for (const after of KILLED_AFTER) {
    version++;
    // Ends with the process.
    change(discovery, version).catch(() => {});
    await pause(after);
    const { child, exitCode } = await sidecar;
    child.kill('SIGKILL');
    await exitCode;
    // Discovery says nothing: what serves now is from the disk.
    sidecar = runSidecar(t, adsBootstrap(server.port), flags);
    discovery = await ScriptedDiscovery.client(server);
    await sidecar;
    const { status, headers, body } = await call(`127.0.0.1:${port}`, '/now?id=alive');
    assert.deepEqual([status, body], [200, 'alive'], `killed after ${after} ms`);
    found.push(Number(headers['x-version']));
    assert.ok(Number(headers['x-version']) <= version);
  }
  t.diagnostic(`versions found on disk: ${found.join(', ')}, where the last was ${version}`);
});

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
const ROTATIONS = 20;
const ROTATE_EVERY_MS = 200;

/** Serial number of what is shown to a client that comes now. */
async function certificateOf(port: number, { cert, key }: Pair): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const shown = socket.getPeerX509Certificate()?.serialNumber ?? '';
  socket.destroy();
  return shown;
}

test('T03 L0: leaf certificates of both sides change five times a second under traffic', async (t) => {
  const root = await makeRoot('mesh');
  const leaf = () => makeLeaf(root, { uris: ['spiffe://cluster.local/ns/default/sa/web'] });
  const common = `common_tls_context: {tls_certificate_sds_secret_configs: [{name: leaf}], validation_context: {trusted_ca: ${inline(root.cert)}}}`;
  const secret = ({ cert, key }: Pair) =>
    `  secrets: [{name: leaf, tls_certificate: {certificate_chain: ${inline(cert)}, private_key: ${inline(key)}}}]\n`;
  const withLeaf = (text: string, pair: Pair) =>
    text.replace('static_resources:\n', `static_resources:\n${secret(pair)}`);
  const origin = await startTally();
  t.after(() => origin.close());

  const inbound = bootstrapText({
    origins: { o1: origin.port },
    chain: `transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.DownstreamTlsContext, require_client_certificate: true, ${common}}}`,
  });
  const server = await startProxy(withLeaf(inbound, await leaf()));
  const outbound = bootstrapText({
    origins: { mesh: server.port() },
    cluster: {
      mesh: `connect_timeout: 5s\ntransport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": ${TLS}.UpstreamTlsContext, ${common}}}`,
    },
  });
  const client = await startProxy(withLeaf(outbound, await leaf()));
  t.after(() => Promise.all([client.close(), server.close()]));

  const pairs = await Promise.all(Array.from({ length: ROTATIONS }, leaf));
  const ledger = new Ledger(client.port());
  await ledger.send();
  const stop = ledger.steadily(300, (n) => ({
    method: n % 4 === 0 ? 'POST' : 'GET',
    path: n % 7 === 0 ? '/after/30' : '/now',
  }));
  for (const pair of pairs) {
    const { secrets } = snapshotOf(withLeaf(outbound, pair));
    // Everything but the secrets stays the same object, as with secrets of discovery.
    for (const { runtime } of [server, client]) runtime.apply({ ...runtime.snapshot, secrets });
    await pause(ROTATE_EVERY_MS);
  }
  stop();
  const { sent, good, lost, mixed, duplicated, failed } = await ledger.verdict(origin.executed);
  const { ssl } = server.runtime.listeners.get('main')?.stats ?? {};
  t.diagnostic(`${good} of ${sent} good, ${ssl?.handshake} handshakes over ${ROTATIONS} certificates`);
  assert.deepEqual(
    { good, lost, mixed, duplicated, failed },
    { good: sent, lost: 0, mixed: 0, duplicated: 0, failed: [] },
  );
  // Open connections live on under the certificate they were made with; the next one has the last.
  const last = pairs[ROTATIONS - 1] as Pair;
  assert.equal(await certificateOf(server.port(), last), new X509Certificate(last.cert).serialNumber);
});
