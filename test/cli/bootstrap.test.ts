// A bootstrap written by `fairlead bootstrap --xds-root`: a sidecar takes its configuration over TLS, from
// the discovery that the root vouches for and from no other.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootstrapOf } from '../../cli/verbs/bootstrap.ts';
import { certificatePem, selfSignedRoot } from '../../discovery/ca/x509.ts';
import { call } from '../mesh/call.ts';
import { eventually, runDiscovery } from '../mesh/discovery.ts';
import { tempDir } from '../temp-dir.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const MESH = 'mesh: {mtls: DISABLE}\nservices: {web: {port: 8080}}\n';
const READY_MS = 15_000;

interface Sidecar {
  readonly admin: string;
  readonly said: () => string;
}

/** A process of its own, without an identity; listens on ports that the system chooses. */
async function runSidecar(t: TestContext, xdsAddress: string, xdsRoot: string): Promise<Sidecar> {
  const folder = tempDir(t);
  const file = join(folder, 'sidecar.json');
  const addressFile = join(folder, 'admin');
  const ports = { 'admin-port': '0', 'inbound-port': '0', 'outbound-port': '0', 'app-port': '8080' };
  const flags = { service: 'web', 'no-identity': true, 'xds-address': xdsAddress, 'xds-root': xdsRoot, ...ports };
  writeFileSync(file, JSON.stringify(bootstrapOf(flags)));
  const args = [CLI, 'sidecar', '-c', file, '--admin-address-path', addressFile, '--drain-time-s', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  t.after(() => {
    child.kill('SIGKILL');
  });
  const admin = await eventually(() => readFileSync(addressFile, 'utf8'), READY_MS).catch(() => assert.fail(said));
  return { admin, said: () => said };
}

const statusOf = async (sidecar: Sidecar) => (await call(sidecar.admin, '/ready')).status;

test('a sidecar is configured over TLS', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const sidecar = await runSidecar(t, discovery.secureXds, join(discovery.dataDir, 'ca-root.pem'));
  await eventually(async () => assert.equal(await statusOf(sidecar), 200, sidecar.said()), READY_MS);
  await eventually(async () =>
    assert.match((await call(sidecar.admin, '/listeners')).body, /^outbound::127\.0\.0\.1:\d+$/m),
  );
});

test('it takes nothing from a discovery that another root vouches for', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 600_000) };
  const stranger = join(tempDir(t), 'root.pem');
  writeFileSync(stranger, certificatePem((await selfSignedRoot('cluster.local', validity)).certificate));
  const sidecar = await runSidecar(t, discovery.secureXds, stranger);
  await eventually(() => assert.match(sidecar.said(), /certificate|self-signed/i), READY_MS);
  assert.equal(await statusOf(sidecar), 503);
});
