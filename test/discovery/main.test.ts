// The whole control plane on free ports, by the doors that others use: HTTP, gRPC, TLS, signals.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fetch } from 'undici';
import { create } from '@bufbuild/protobuf';
import { type ClientDuplexStream, credentials, makeClientConstructor, Metadata } from '@grpc/grpc-js';
import { discoveryConfig, UsageError } from '../../discovery/config.ts';
import { ADS, serviceDefinition } from '../../proto/ads.ts';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { Registry } from '../../proto/gen/fairlead/registry/v1/registry_pb.ts';
import { Status } from '../../proto/gen/fairlead/status/v1/status_pb.ts';
import { Health } from '../../proto/gen/grpc/health/v1/health_pb.ts';
import { toBinary, fromBinary, type DescMessage, type DescService } from '@bufbuild/protobuf';
import { CLUSTER, ENDPOINT, SECRET } from '../../proto/resources.ts';
import { certificateFor, createCertificate, joinToken, newCsr, rootsOf } from '../mesh/certificates.ts';
import { eventually, runDiscovery } from '../mesh/discovery.ts';
import { tempDir } from '../temp-dir.ts';

const MESH = 'services: {web: {port: 80}, catalog: {port: 9000}}';
const WEB = { service: 'web', address: '127.0.0.1', port: 15006, appPort: 8080 };

function http(admin: string, method: string, path: string, body?: unknown) {
  return fetch(`http://${admin}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** Calls a unary method; rejects with the gRPC status. */
function rpc<O>(
  t: TestContext,
  address: string,
  service: DescService,
  method: string,
  fields: Record<string, unknown>,
  options: { creds?: ReturnType<typeof credentials.createInsecure>; token?: string } = {},
): Promise<O> {
  const byName = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' };
  const client = new (makeClientConstructor(serviceDefinition(service), 'x'))(
    address,
    options.creds ?? credentials.createInsecure(),
    byName,
  );
  t.after(() => client.close());
  const input = service.methods.find(({ localName }) => localName === method)?.input as DescMessage;
  const request = create(input, fields);
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', `Bearer ${options.token}`);
  return new Promise((resolve, reject) => {
    const run = client[method] as (...args: unknown[]) => void;
    run.call(client, request, metadata, (error: Error | null, answer: O) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}

/** A raw ADS client: sends requests, collects responses. */
function ads(t: TestContext, address: string) {
  const client = new (makeClientConstructor(ADS, 'ads'))(address, credentials.createInsecure());
  t.after(() => client.close());
  const open = client['streamAggregatedResources'] as () => ClientDuplexStream<Buffer, Buffer>;
  const call = open.call(client);
  const responses: ReturnType<typeof decode>[] = [];
  const errors: Error[] = [];
  const decode = (bytes: Buffer) => fromBinary(DiscoveryResponseSchema, bytes);
  call.on('data', (bytes: Buffer) => responses.push(decode(bytes)));
  call.on('error', (error: Error) => errors.push(error));
  const ask = (typeUrl: string, resourceNames: string[], responseNonce = '') =>
    call.write(
      Buffer.from(
        toBinary(
          DiscoveryRequestSchema,
          create(DiscoveryRequestSchema, {
            node: { id: 'raw', cluster: 'web' },
            typeUrl,
            resourceNames,
            responseNonce,
          }),
        ),
      ),
    );
  const next = () => eventually(() => responses.shift() ?? Promise.reject(new Error('no response')));
  return { ask, next, errors, call };
}

test('a client is told its clusters, endpoints and roots, and every change of them', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const client = ads(t, discovery.xds);
  client.ask(CLUSTER.typeUrl, []);
  const clusters = await client.next();
  assert.equal(clusters.resources.length, 2);
  client.ask(CLUSTER.typeUrl, [], clusters.nonce);
  const name = 'outbound|80||web.default.svc.cluster.local';
  client.ask(ENDPOINT.typeUrl, [name]);
  const empty = await client.next();
  client.ask(ENDPOINT.typeUrl, [name], empty.nonce);
  client.ask(SECRET.typeUrl, ['ROOTCA', 'default']);
  const secrets = await client.next();
  assert.equal(secrets.resources.length, 1);
  assert.ok(Buffer.from(secrets.resources[0]?.value ?? []).includes('BEGIN CERTIFICATE'));

  assert.equal((await http(discovery.admin, 'PUT', '/v1/instances/web-1', WEB)).status, 201);
  const filled = await client.next();
  assert.equal(filled.typeUrl, ENDPOINT.typeUrl);
  assert.notEqual(filled.versionInfo, empty.versionInfo);
});

test('status tells who is connected and what they hold, over gRPC and HTTP', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const client = ads(t, discovery.xds);
  client.ask(CLUSTER.typeUrl, []);
  client.ask(CLUSTER.typeUrl, [], (await client.next()).nonce);
  await eventually(async () => {
    const { clients } = await rpc<{
      clients: { nodeId: string; types: { versionSent: string; versionAcked: string; resourceCount: number }[] }[];
    }>(t, discovery.xds, Status, 'listClients', { nodeId: '' });
    const [held] = clients[0]?.types ?? [];
    assert.deepEqual(
      [clients[0]?.nodeId, held?.resourceCount, held?.versionSent === held?.versionAcked],
      ['raw', 2, true],
    );
  });
  const page = (await (await http(discovery.admin, 'GET', '/clients')).json()) as {
    clients: { types: { state: string }[] }[];
  };
  assert.equal(page.clients[0]?.types[0]?.state, 'synced');
  assert.match(
    await (await http(discovery.admin, 'GET', '/metrics')).text(),
    /fairlead_discovery_pushes_total\{type="CDS"\} 1/,
  );
});

test('health: grpc.health.v1, /ready, /healthz, /livez', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  assert.equal((await rpc<{ status: number }>(t, discovery.xds, Health, 'check', { service: '' })).status, 1);
  await assert.rejects(rpc(t, discovery.xds, Health, 'check', { service: 'nothing' }), { code: 5 });
  for (const page of ['/ready', '/healthz', '/livez'])
    assert.equal((await http(discovery.admin, 'GET', page)).status, 200);
});

test('registration over HTTP: register, renew, leave; mistakes with a hint', async (t) => {
  const { admin } = await runDiscovery(t, MESH);
  assert.equal((await http(admin, 'PUT', '/v1/instances/web-1', WEB)).status, 201);
  assert.equal((await http(admin, 'PUT', '/v1/instances/web-1', WEB)).status, 200);
  assert.equal((await http(admin, 'POST', '/v1/instances/web-1/renew')).status, 200);
  assert.equal((await http(admin, 'PUT', '/v1/instances/web-1', { ...WEB, service: 'catalog' })).status, 201);
  assert.equal((await http(admin, 'POST', '/v1/instances/web-1/renew')).status, 409);
  assert.equal((await http(admin, 'DELETE', '/v1/instances/web-1?service=web')).status, 204);
  assert.equal((await http(admin, 'DELETE', '/v1/instances/web-1?service=web')).status, 404);
  const bad = await http(admin, 'PUT', '/v1/instances/web-2', { service: 'web', adress: '127.0.0.1', port: 1 });
  assert.equal(bad.status, 400);
  const { error, hint } = (await bad.json()) as { error: string; hint: string };
  assert.match(error, /did you mean "address"/);
  assert.match(hint, /curl -X PUT/);
  assert.equal((await http(admin, 'POST', '/v1/instances/web-1')).status, 405);
});

test('the admin port answers this machine only', async (t) => {
  const { admin } = await runDiscovery(t, MESH);
  assert.equal((await fetch(`http://${admin}/clients`, { headers: { origin: 'http://evil.example' } })).status, 403);
  assert.throws(() => discoveryConfig({ 'admin-address': '0.0.0.0:1' }, {}), UsageError);
  assert.throws(() => discoveryConfig({ 'xds-address': '0.0.0.0:1' }, {}), /--insecure-xds/);
  assert.equal(discoveryConfig({}, { FAIRLEAD_XDS_ADDRESS: '127.0.0.1:7' }).xds.port, 7);
});

test('registration over gRPC: anybody on loopback, on the TLS port only who proves to be the service', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const request = {
    instance: { ...WEB, name: 'web-7', namespace: '', zone: '', weight: 0, labels: {} },
    leaseSeconds: 5,
  };
  type Registered = { lease: { id: string; grantedSeconds: number } };
  const { lease } = await rpc<Registered>(t, discovery.xds, Registry, 'register', request);
  assert.equal(lease.grantedSeconds, 5);
  assert.equal((await rpc<Registered>(t, discovery.xds, Registry, 'renew', { leaseId: lease.id })).lease.id, lease.id);
  await assert.rejects(rpc(t, discovery.xds, Registry, 'renew', { leaseId: 'other' }), { code: 5 });
  const tls = { creds: credentials.createSsl(Buffer.from(rootsOf(discovery))) };
  await assert.rejects(rpc(t, discovery.secureXds, Registry, 'register', request, tls), { code: 7 });
  await assert.rejects(
    rpc(
      t,
      discovery.secureXds,
      Registry,
      'leave',
      { leaseId: lease.id },
      { ...tls, token: joinToken(discovery, 'catalog') },
    ),
    { code: 7 },
  );
  await rpc(
    t,
    discovery.secureXds,
    Registry,
    'leave',
    { leaseId: lease.id },
    { ...tls, token: joinToken(discovery, 'web') },
  );
  const { registrations } = await rpc<{ registrations: unknown[] }>(t, discovery.xds, Registry, 'list', {
    namespace: '',
    service: '',
  });
  assert.deepEqual(registrations, []);
});

test('certificates: for a join token, then for the certificate itself; never for nothing', async (t) => {
  const discovery = await runDiscovery(t, MESH);
  const { pem } = await newCsr();
  await assert.rejects(createCertificate(discovery, pem), { code: 16 });
  await assert.rejects(createCertificate(discovery, pem, { token: 'fl1.x.y' }), { code: 16 });
  await assert.rejects(createCertificate(discovery, pem, { token: joinToken(discovery, 'web', -1) }), { code: 16 });
  await assert.rejects(createCertificate(discovery, 'nonsense', { token: joinToken(discovery, 'web') }), { code: 3 });
  const pair = await certificateFor(discovery, 'web');
  const { certChain } = await createCertificate(discovery, pem, { pair }, 600);
  const leaf = new X509Certificate(certChain[0] as string);
  assert.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/web');
  assert.ok(Date.parse(leaf.validTo) < Date.now() + 601_000);
});

test('a certificate of somebody else is no identity', async (t) => {
  const [ours, theirs] = [await runDiscovery(t, MESH), await runDiscovery(t, MESH)];
  const pair = await certificateFor(theirs, 'web');
  await assert.rejects(createCertificate(ours, (await newCsr()).pem, { pair }), { code: 16 });
});

test('a bad mesh file at start is refused with every mistake', async (t) => {
  await assert.rejects(
    runDiscovery(t, 'services: {web: {prt: 80}}'),
    (error: Error) => error.message.includes('did you mean "port"') && error.message.includes('required field'),
  );
});

const CLI = join(import.meta.dirname, '../../cli/main.ts');

function start(folder: string): ChildProcess {
  const flags = [
    '--config',
    join(folder, 'mesh.yaml'),
    '--data-dir',
    join(folder, 'data'),
    '--address-file',
    join(folder, 'addresses.json'),
  ];
  const ports = [
    '--xds-address',
    '127.0.0.1:0',
    '--secure-xds-address',
    '127.0.0.1:0',
    '--admin-address',
    '127.0.0.1:0',
  ];
  return spawn(process.execPath, [CLI, 'discovery', ...flags, ...ports], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function adminOf(folder: string, child: ChildProcess): Promise<string> {
  return eventually(() => {
    const addresses = JSON.parse(readFileSync(join(folder, 'addresses.json'), 'utf8')) as {
      admin: string;
      pid: number;
    };
    assert.equal(addresses.pid, child.pid);
    return addresses.admin;
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return child.exitCode === null && child.signalCode === null
    ? new Promise((resolve) => child.once('exit', resolve))
    : Promise.resolve(child.exitCode);
}

test('killed, it comes back with what was registered, and the same authority; SIGTERM ends it in order', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'mesh.yaml'), MESH);
  const first = start(folder);
  t.after(() => first.kill('SIGKILL'));
  const admin = await adminOf(folder, first);
  assert.equal((await http(admin, 'PUT', '/v1/instances/web-1', WEB)).status, 201);
  const roots = await (await http(admin, 'GET', '/ca-root.pem')).text();

  const rival = start(folder);
  let said = '';
  rival.stderr?.on('data', (text: Buffer) => {
    said += text;
  });
  assert.equal(await ended(rival), 1);
  assert.match(said, /another discovery is using/);

  first.kill('SIGKILL');
  await ended(first);
  const second = start(folder);
  t.after(() => second.kill('SIGKILL'));
  const again = await adminOf(folder, second);
  const { instances } = (await (await http(again, 'GET', '/v1/instances')).json()) as { instances: { name: string }[] };
  assert.deepEqual(
    instances.map(({ name }) => name),
    ['web-1'],
  );
  assert.equal(await (await http(again, 'GET', '/ca-root.pem')).text(), roots);
  second.kill('SIGTERM');
  assert.equal(await ended(second), 0);
  assert.ok(existsSync(join(folder, 'data', 'registry.db')));
});
