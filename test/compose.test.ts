// docker-compose.yml and Dockerfile against the program: every command, flag, port and file in them is one
// that there is. Containers themselves are not started here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { COMMANDS, PROGRAMS } from '../cli/commands.ts';
import { systemClock } from '../core/clock.ts';
import { tokenKey, verifyToken } from '../discovery/ca/tokens.ts';
import { certificatePem, selfSignedRoot } from '../discovery/ca/x509.ts';
import { discoveryConfig } from '../discovery/config.ts';
import { DISCOVERY_FLAGS } from '../discovery/flags.ts';
import { checkMeshFiles } from '../discovery/offline.ts';
import { MEMBERS } from '../examples/tea-shop/shop.ts';
import { type Config, loadConfig } from '../sidecar/config.ts';
import { SIDECAR_FLAGS } from '../sidecar/flags.ts';
import { tempDir } from './temp-dir.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SECRETS = '/run/secrets/fairlead';

interface Dependency {
  readonly condition: 'service_healthy' | 'service_started' | 'service_completed_successfully';
}

interface Service {
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly restart: string;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { readonly ipv4_address: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: { readonly mesh: { readonly ipam: { readonly config: readonly { readonly subnet: string }[] } } };
}

/** Its port as it stands there, with the default that counts where nothing is set. */
interface Upstream {
  readonly service: string;
  readonly port: string;
}

interface Declared {
  readonly port: number;
  readonly protocol?: string;
  readonly upstreams?: readonly Upstream[];
}

interface Mesh {
  readonly services: Readonly<Record<string, Declared>>;
  readonly gateways: Readonly<Record<string, { readonly listeners: readonly { readonly port: number }[] }>>;
}

/** What `--config-yaml` says of a sidecar. */
interface Said {
  readonly service: string;
  readonly kind?: string;
  readonly instance?: string;
  readonly address?: string;
  readonly app_port?: number;
}

/** The file is ours: its many anchors are no attack. */
const COMPOSE = { merge: true, maxAliasCount: -1 };
const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), COMPOSE) as Compose;
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const mesh = parse(readFileSync(join(ROOT, 'examples/tea-shop/mesh.yaml'), 'utf8')) as Mesh;
const services = Object.entries(compose.services);
const once = services.filter(([, { restart }]) => restart === 'no');
const sidecars = services.filter(([, { command }]) => command[0] === 'sidecar');
const apps = services.filter(([name]) => compose.services[`${name}-sidecar`] !== undefined);

/** The address of a container in the network of the mesh, its own or the one it shares. */
function addressOf(name: string): string | undefined {
  const { network_mode: mode, networks } = compose.services[name] as Service;
  return mode?.startsWith('service:') ? addressOf(mode.slice('service:'.length)) : networks?.['mesh']?.ipv4_address;
}

/** What a path inside a container is in the checkout; null: nothing of ours is mounted there. */
function inCheckout({ volumes = [] }: Service, path: string): string | null {
  for (const [source = '', target = ''] of volumes.map((volume) => volume.split(':'))) {
    if (source.startsWith('.') && (path === target || path.startsWith(`${target}/`)))
      return join(ROOT, source, path.slice(target.length));
  }
  return null;
}

/** Compiled from a file of ours, and part of the build. */
function assertBuilt(path: string): void {
  assert.match(path, /^\/app\/dist\/.+\.js$/);
  const source = path.slice('/app/dist/'.length).replace(/\.js$/, '.ts');
  assert.ok(existsSync(join(ROOT, source)), `${path}: there is no ${source}`);
}

test('nobody is root, and nothing can be written but what must be', () => {
  for (const [name, service] of services) {
    assert.equal(service.user, '1337:1337', name);
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
  }
});

test('commands and flags are those of the program', () => {
  const names = [...PROGRAMS, ...COMMANDS].map((row) => row.name);
  for (const [name, { entrypoint, command }] of services) {
    const [first = ''] = command;
    if (entrypoint === undefined) assert.ok(names.includes(first), `${name}: there is no command "${first}"`);
    else {
      assert.deepEqual(entrypoint, ['/nodejs/bin/node'], name);
      assertBuilt(first);
    }
  }
});

test('environment variables of the sidecars stand for flags', () => {
  const known = Object.keys(SIDECAR_FLAGS).map((flag) => `FAIRLEAD_${flag.toUpperCase().replaceAll('-', '_')}`);
  const given = sidecars.flatMap(([, { environment = {} }]) => Object.keys(environment));
  assert.deepEqual(
    given.filter((variable) => !known.includes(variable)),
    [],
  );
});

test('discovery starts with its flags, and its files are there', () => {
  const service = compose.services['discovery'] as Service;
  const { values } = parseArgs({ args: [...service.command.slice(1)], options: DISCOVERY_FLAGS, strict: true });
  const config = discoveryConfig(values, {});
  assert.equal(config.secureXds?.port, 15012);
  assert.ok(config.secureNames.includes(addressOf('discovery') ?? ''));
  const files = config.meshFiles.map((file) => inCheckout(service, file) ?? '');
  assert.deepEqual(files, [join(ROOT, 'examples/tea-shop/mesh.yaml')]);
  assert.deepEqual(checkMeshFiles(files, {}).errors, []);
  assert.ok(service.volumes?.includes(`discovery-data:${config.dataDir}`));
});

async function configOf(name: string): Promise<Config> {
  const service = compose.services[name] as Service;
  const { certificate } = await selfSignedRoot('cluster.local', {
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 60_000),
  });
  const readFile = (path: string) =>
    path.startsWith(SECRETS)
      ? Buffer.from(certificatePem(certificate))
      : readFileSync(inCheckout(service, path) ?? assert.fail(`${path} is not mounted`));
  const args = ['--mode', 'validate', ...service.command.slice(1)];
  const result = loadConfig(args, service.environment ?? {}, readFile);
  return result.ok ? result.config : assert.fail(`${name}: ${result.text}`);
}

test('every sidecar has a good bootstrap that says who it is', async () => {
  for (const [name] of sidecars) {
    const config = await configOf(name);
    const said = config.node.metadata['fairlead'] as unknown as Said;
    assert.deepEqual(config.warnings, [], name);
    assert.equal(config.caAddress?.host, 'discovery');
    assert.equal(config.caAddress?.port, 15012);
    assert.equal(config.node.cluster, said.service);
    assert.ok(config.node.id.includes(`~${addressOf(name)}~`), `${name}: the id does not hold its address`);
    assert.equal(config.register, said.kind !== 'gateway', name);
    if (said.kind === 'gateway') assert.ok(mesh.gateways[said.service], name);
    else assert.equal(said.address, addressOf(name), name);
  }
});

test('a sidecar shares the network of its program, and knows its port', async () => {
  for (const [name, app] of apps) {
    const sidecar = compose.services[`${name}-sidecar`] as Service;
    assert.equal(sidecar.network_mode, `service:${name}`);
    const { node } = await configOf(`${name}-sidecar`);
    const said = node.metadata['fairlead'] as unknown as Said;
    assert.equal(said.instance, name);
    assert.equal(String(said.app_port), app.environment?.['PORT']);
    assert.equal(said.app_port, mesh.services[said.service]?.port);
  }
});

test('it is the mesh of `fairlead demo`', () => {
  assert.deepEqual(
    apps.map(([name]) => name),
    MEMBERS.filter(({ app }) => app !== null).map(({ name }) => name),
  );
  for (const { name, app, env } of MEMBERS.filter((member) => member.app !== null)) {
    const service = compose.services[name] as Service;
    assert.deepEqual(service.command, [`/app/dist/examples/tea-shop/apps/${app}.js`]);
    for (const [variable, value] of Object.entries(env)) assert.equal(service.environment?.[variable], value, name);
  }
});

test('web finds stock where its sidecar offers it', () => {
  const [upstream] = mesh.services['web']?.upstreams ?? [];
  assert.equal(upstream?.service, 'stock');
  const port = /^\$\{STOCK_PORT:-(\d+)\}$/.exec(upstream.port)?.[1];
  assert.equal(compose.services['web-a']?.environment?.['STOCK'], `127.0.0.1:${port}`);
  assert.equal(compose.services['discovery']?.environment?.['STOCK_PORT'], undefined);
});

test('mesh.yaml says of each port what it takes, and every protocol is there', () => {
  assert.deepEqual(
    Object.entries(mesh.services).map(([name, { protocol }]) => [name, protocol]),
    [
      ['web', 'http'],
      ['catalog', 'http'],
      ['reviews', 'http'],
      ['stock', 'tcp'],
      ['brewing', 'grpc'],
      ['ticker', 'http'],
    ],
  );
});

test('every role has a health check that asks a port of its own', async () => {
  for (const [name, service] of services) {
    if (once.some(([one]) => one === name)) continue;
    const [kind, node, main = '', verb, local, url = ''] = service.healthcheck?.test ?? [];
    assert.deepEqual([kind, node, verb, local], ['CMD', '/nodejs/bin/node', 'health', '--local'], name);
    assertBuilt(main);
    const port = Number(new URL(url).port);
    if (service.command[0] === 'sidecar') assert.equal(port, (await configOf(name)).admin?.port);
    else if (name === 'discovery') assert.equal(port, discoveryConfig({}, {}).admin.port);
    else assert.equal(String(port), service.environment?.['PORT'], name);
  }
});

test('who is waited for is there, and can be waited for', () => {
  for (const [name, { depends_on: wanted = {}, network_mode: mode }] of services) {
    if (mode?.startsWith('service:')) assert.ok(Object.hasOwn(wanted, mode.slice('service:'.length)), name);
    for (const [other, { condition }] of Object.entries(wanted)) {
      const service = compose.services[other];
      assert.ok(service, `${name} waits for ${other}`);
      if (condition === 'service_healthy') assert.ok(service.healthcheck, other);
      if (condition === 'service_completed_successfully') assert.equal(service.restart, 'no', other);
    }
  }
});

test('what is mounted is there; what comes from the checkout, and the root, is read-only', () => {
  for (const [name, { volumes = [] }] of services) {
    for (const volume of volumes) {
      const [source = '', target, mode] = volume.split(':');
      if (target === undefined) continue;
      if (source.startsWith('.')) assert.ok(existsSync(join(ROOT, source)), `${name}: ${source}`);
      else assert.ok(Object.hasOwn(compose.volumes, source), `${name}: volume ${source} is not declared`);
      const writes =
        (name === 'discovery' && source === 'discovery-data') ||
        once.some(([one]) => one === name && source !== 'discovery-data');
      assert.equal(mode, writes ? undefined : 'ro', `${name}: ${volume}`);
    }
  }
});

test('the key of the authority and the tokens of others are out of reach', async () => {
  for (const [name, { volumes = [] }] of services) {
    if (name !== 'discovery' && !once.some(([one]) => one === name))
      assert.ok(!volumes.some((volume) => volume.startsWith('discovery-data')), name);
  }
  for (const [name, { volumes = [] }] of sidecars) {
    const { service } = (await configOf(name)).node.metadata['fairlead'] as unknown as Said;
    assert.deepEqual(
      volumes.filter((volume) => volume.includes(SECRETS)),
      [`${service}-secrets:${SECRETS}:ro`],
      name,
    );
    assert.equal(compose.services[`tokens-${service}`]?.command[1], service);
  }
});

test('only the gateway can be reached from outside, by the port that it serves', () => {
  const published = services.filter(([, { ports }]) => ports !== undefined);
  const port = mesh.gateways['shop']?.listeners[0]?.port;
  assert.deepEqual(
    published.map(([name, { ports }]) => [name, ports]),
    [['shop', [`${port}:${port}`]]],
  );
});

test('addresses are in the network, each once', () => {
  const [network = '', prefix = ''] = compose.networks.mesh.ipam.config[0]?.subnet.split('/') ?? [];
  const subnet = new BlockList();
  subnet.addSubnet(network, Number(prefix));
  const addresses = services.flatMap(([, { networks }]) => networks?.['mesh']?.ipv4_address ?? []);
  assert.equal(new Set(addresses).size, addresses.length);
  for (const address of addresses) assert.ok(subnet.check(address), address);
});

test('tokens are good and for one service, and readable by their owner alone', (t) => {
  const folder = tempDir(t);
  const dataDir = tempDir(t);
  const key = tokenKey(dataDir);
  // Any content: it is copied.
  writeFileSync(join(dataDir, 'ca-root.pem'), 'root\n');
  for (let run = 1; run <= 2; run++) {
    const script = join(ROOT, 'examples/tea-shop/tokens.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, 'web', dataDir, folder], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  const verdict = verifyToken(key, readFileSync(join(folder, 'token'), 'utf8').trim(), systemClock);
  assert.equal(verdict.ok && verdict.claims.sub, 'ns/default/sa/web');
  assert.equal(statSync(join(folder, 'token')).mode & 0o777, 0o400);
  assert.equal(readFileSync(join(folder, 'ca-root.pem'), 'utf8'), 'root\n');
});

test('the image is built from what is there, and runs the command as nobody', () => {
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  for (const [, words = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)) {
    for (const source of words.split(' ').slice(0, -1)) {
      assert.ok(existsSync(join(ROOT, source)), `COPY ${source}`);
      assert.ok(ignored.includes(`!${source}`), `.dockerignore hides ${source}`);
    }
  }
  const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8')) as { include: string[] };
  for (const folder of include) assert.ok(dockerfile.includes(`\nCOPY ${folder} ${folder}\n`), `COPY ${folder}`);
  assert.match(dockerfile, /^USER 1337:1337$/m);
  const entry = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  assertBuilt(entry.at(-1) ?? '');
  const health = JSON.parse(/^ {2}CMD (.+)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  assert.deepEqual(health.slice(2), ['health', '--local']);
});
