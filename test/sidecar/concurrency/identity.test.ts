// A workload's identity with several workers: the primary alone has it certified and registers the instance;
// every worker shows the certificate, also one that comes later, and without a state folder no file holds it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { bootstrapOf } from '../../../cli/verbs/bootstrap.ts';
import { until } from '../../../examples/tea-shop/ask.ts';
import { call } from '../../mesh/call.ts';
import { certificateFor, joinToken, type Pair } from '../../mesh/certificates.ts';
import { eventually, runDiscovery } from '../../mesh/discovery.ts';
import { runEchoOrigin } from '../../mesh/echo-origin.ts';
import { tempDir } from '../../temp-dir.ts';
import { runInside } from './process.ts';

const MESH = `
mesh: {mtls: STRICT}
services:
  hello: {port: 9000}
  web: {port: 8080}`;
const TIMES = 24;

/** The SPIFFE id that the sidecar shows, and the status of its answer; on a connection of its own. */
function ask(port: number, { chain, key, roots }: Pair): Promise<{ id: string; status: number }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, cert: chain, key, ca: roots, agent: false, headers: { host: 'hello' } };
    const asked = request({ ...options, checkServerIdentity: () => undefined }, (response) => {
      const { subjectaltname = '' } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
      response.resume();
      response.on('end', () => resolve({ id: subjectaltname, status: response.statusCode ?? 0 }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('one certificate for all workers, one registration', { timeout: 120_000 }, async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const appPort = await runEchoOrigin(t, 'app');
  const dir = tempDir(t);
  const token = join(dir, 'token');
  writeFileSync(token, joinToken(discovery, 'hello'));
  const ports = { 'inbound-port': '0', 'outbound-port': '0', 'app-port': String(appPort) };
  const { admin: _, ...bootstrap } = bootstrapOf({ service: 'hello', 'xds-address': discovery.xds, ...ports });
  const { workers, pages } = await runInside(t, stringify(bootstrap), [
    ...['--concurrency', '2', '--register', '--join-token-file', token],
    ...['--ca-address', discovery.secureXds, '--ca-root', join(discovery.dataDir, 'ca-root.pem')],
  ]);
  const port = await eventually(() => {
    const bound = workers.bound.find(({ direction }) => direction === 'inbound');
    const found = bound?.addresses[0]?.port ?? 0;
    assert.ok(found > 0);
    return found;
  });

  const web = await certificateFor(discovery, 'web');
  const askOften = () => Promise.all(Array.from({ length: TIMES }, () => ask(port, web)));
  const expected = { id: 'URI:spiffe://cluster.local/ns/default/sa/hello', status: 200 };
  assert.deepEqual(new Set((await askOften()).map((one) => JSON.stringify(one))), new Set([JSON.stringify(expected)]));
  const served = await Promise.all(
    [0, 1].map((i) => pages.stat(`listener.127.0.0.1_0.worker_${i}.downstream_cx_total`)),
  );
  assert.ok(!served.includes(0), `connections by worker: ${served}`);

  const instances = async () =>
    (JSON.parse((await call(discovery.admin, '/v1/instances')).body) as { instances: { port: number }[] }).instances;
  await until('the registration', async () => (await instances()).length > 0);
  assert.deepEqual(
    (await instances()).map((one) => one.port),
    [port],
  );

  for (const thread of workers.threads) await thread.terminate();
  await until('others in their places', async () => (await pages.get('/ready')) === 'LIVE\n');
  assert.deepEqual(new Set((await askOften()).map((one) => JSON.stringify(one))), new Set([JSON.stringify(expected)]));
});
