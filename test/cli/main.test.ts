import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { COMMANDS, PROGRAMS } from '../../cli/commands.ts';
import { runCommandLine } from '../../cli/command-line.ts';
import { runDiscovery } from '../mesh/discovery.ts';
import { tempDir } from '../temp-dir.ts';

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function fairlead(args: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
  let [out, err] = ['', ''];
  const code = await runCommandLine(args, {
    environment,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

test('help lists every command, and each has its own with an example', async () => {
  const { out } = await fairlead(['--help']);
  for (const { name } of [...PROGRAMS, ...COMMANDS]) assert.ok(out.includes(`  ${name} `), name);
  for (const { name, flags } of COMMANDS) {
    const help = await fairlead([name, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.out, /Examples:\n {2}\S/);
    for (const flag of Object.keys(flags)) assert.ok(help.out.includes(`--${flag}`), `${name} --${flag}`);
  }
  assert.match((await fairlead(['discovery', '--help'])).out, /--data-dir DIR/);
  assert.match((await fairlead(['sidecar', '-h'])).out, /-c, --config-path FILE/);
});

test('slips of the finger end with 2 and what was meant', async () => {
  const verb = await fairlead(['validat']);
  assert.deepEqual([verb.code, verb.err.includes('did you mean "validate"')], [2, true]);
  const flag = await fairlead(['discovery', '--data-dri', 'x']);
  assert.deepEqual([flag.code, flag.err.includes('did you mean --data-dir')], [2, true]);
  assert.equal((await fairlead(['token'])).code, 2);
  assert.equal((await fairlead(['token', '--service', 'a', '--service', 'b'])).code, 2);
  assert.equal((await fairlead(['bootstrap', '--service', 'a', '--app-port', 'x'])).code, 2);
});

test('validate: 0 for a good file, 1 with every mistake for a bad one, JSON when asked', async (t) => {
  const folder = tempDir(t);
  const [good, bad] = [join(folder, 'good.yaml'), join(folder, 'bad.yaml')];
  writeFileSync(good, 'services: {web: {port: 80}}');
  writeFileSync(bad, 'services: {web: {prt: 80}}');
  assert.deepEqual(await fairlead(['validate', good]), {
    code: 0,
    out: 'ok: 1 service, 0 routes, 0 gateways\n',
    err: '',
  });
  const found = await fairlead(['validate', bad]);
  assert.equal(found.code, 1);
  assert.match(
    found.out,
    /bad\.yaml:1:18: services\.web\.prt: unknown field "prt" \(did you mean "port"\?\) \[FL0105\]\n.*\n {19}\^/,
  );
  const { valid, errors } = JSON.parse((await fairlead(['validate', '-o', 'json', bad])).out) as {
    valid: boolean;
    errors: { code: string }[];
  };
  assert.deepEqual([valid, errors.length, errors[0]?.code], [false, 2, 'FL0106']);
  assert.equal((await fairlead(['validate', join(folder, 'none.yaml')])).code, 1);
  assert.equal((await fairlead(['validate'], { FAIRLEAD_CONFIG: good })).code, 0);
});

test('bootstrap prints what Envoy reads, for a sidecar and for a gateway', async () => {
  const { out } = await fairlead([
    'bootstrap',
    '--service',
    'web',
    '--app-port',
    '8080',
    '--zone',
    'a',
    '--xds-address',
    'discovery:15010',
  ]);
  const sidecar = parse(out) as {
    node: { id: string; locality: unknown; metadata: { fairlead: Record<string, unknown> } };
    static_resources: { clusters: { type: string }[] };
  };
  assert.equal(sidecar.node.id, 'sidecar~127.0.0.1~web.default~default.svc.cluster.local');
  assert.deepEqual(sidecar.node.locality, { zone: 'a' });
  assert.deepEqual(sidecar.node.metadata.fairlead['features'], ['identity']);
  assert.equal(sidecar.static_resources.clusters[0]?.type, 'STRICT_DNS');
  const gateway = await fairlead(['bootstrap', '--gateway', 'edge', '-o', 'json']);
  assert.equal(JSON.parse(gateway.out).node.metadata.fairlead.kind, 'gateway');
});

test('token makes the key of a data folder at first use', async (t) => {
  const folder = join(tempDir(t), 'data');
  mkdirSync(folder);
  const { code, out } = await fairlead(['token', '--service', 'web', '--data-dir', folder]);
  assert.equal(code, 0);
  assert.match(out, /^fl1\.[\w-]+\.[\w-]+\n$/);
  assert.ok(existsSync(join(folder, 'join.key')));
});

test('status and health tell of a running discovery, and of one that is not there', async (t) => {
  const discovery = await runDiscovery(t, 'services: {web: {port: 80}}');
  const status = await fairlead(['status', '--server', discovery.admin]);
  assert.equal(status.code, 0);
  assert.match(status.out, /^NODE +SERVICE +AGENT +CDS +EDS +LDS +RDS +SDS +IDENTITY\n/);
  assert.deepEqual(JSON.parse((await fairlead(['status', '--server', discovery.admin, '-o', 'json'])).out), {
    clients: [],
    configErrors: [],
  });
  assert.equal((await fairlead(['health', '--local', `http://${discovery.admin}/ready`])).code, 0);
  discovery.stop();
  assert.equal((await fairlead(['status', '--server', discovery.admin])).code, 69);
  assert.equal((await fairlead(['health', '--local', `http://${discovery.admin}/ready`])).code, 1);
});

test('health of a program without pages: whether it takes connections', async (t) => {
  const server = createServer((socket) => socket.destroy());
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.deepEqual(await fairlead(['health', '--local', url]), { code: 0, out: 'takes connections\n', err: '' });
  server.close();
  const gone = await fairlead(['health', '--local', url]);
  assert.equal(gone.code, 1);
  assert.match(gone.out, /does not answer \(connect ECONNREFUSED/);
  assert.equal((await fairlead(['health', '--local', 'tcp://127.0.0.1'])).code, 2);
});

test('schema and version print', async () => {
  assert.equal((JSON.parse((await fairlead(['schema'])).out) as { anyOf: unknown[] }).anyOf.length, 9);
  assert.match((await fairlead(['version'])).out, /^fairlead \d+\.\d+\.\d+ \(node /);
  assert.match((JSON.parse((await fairlead(['version', '-o', 'json'])).out) as { version: string }).version, /^\d/);
});
