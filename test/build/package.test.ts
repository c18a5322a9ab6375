// What the image and the npm package run: built into a folder, started as they start it.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../core/node-flags.ts';
import { ask, until } from '../../examples/tea-shop/ask.ts';
import { tempDir } from '../temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 60_000;
/** A word of each library that a sidecar without patterns, TLS and discovery has no use for. */
const NOT_LOADED = {
  zod: 'ZodError',
  re2js: 'RE2JSException',
  'grpc-js': '@grpc/grpc-js',
  'node:tls': 'from"node:tls"',
};

/** The package as npm lays it out. */
function pack(t: TestContext): string {
  const folder = tempDir(t);
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts'), join(folder, 'dist')], { stdio: 'inherit' });
  return folder;
}

function run(folder: string, ...args: string[]) {
  return spawnSync(process.execPath, [...NODE_FLAGS, join(folder, 'dist/cli/main.js'), ...args], { encoding: 'utf8' });
}

test('the built package', async (t) => {
  const folder = pack(t);

  await t.test('knows its version, reads and writes files', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.match(run(folder, 'version').stdout, new RegExp(`^fairlead ${version} `));
    assert.match(run(folder, 'bootstrap', '--service', 'web').stdout, /^node:\n/);
    const demo = run(folder, 'validate', join(folder, 'dist/examples/tea-shop/mesh.yaml'));
    assert.equal(demo.stdout, 'ok: 6 services, 2 routes, 1 gateway\n');
  });

  await t.test('says where a mistake stands', () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'static_resources:\n  clusters: [{name: a, conect_timeout: 1s}]\n');
    const { stderr, status } = run(folder, 'sidecar', '--mode', 'validate', '-c', file);
    assert.match(stderr, /wrong\.yaml:2:\d+: .*conect_timeout/);
    assert.equal(status, 1);
  });

  await t.test('carries traffic in one thread and in two', async (inner) => {
    for (const concurrency of ['1', '2']) await serves(inner, folder, concurrency);
  });

  await t.test('is loaded by programs of others', () => {
    const script = "const { register } = await import('fairlead/client'); console.log(typeof register)";
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(result.stdout, 'function\n', result.stderr);
  });

  await t.test('a sidecar does not load what it has no use for', () => {
    const texts = loadedBySidecar(join(folder, 'dist'));
    for (const [library, word] of Object.entries(NOT_LOADED))
      assert.deepEqual(
        [...texts].filter(([, text]) => text.includes(word)).map(([file]) => file),
        [],
        library,
      );
  });
});

async function serves(t: TestContext, folder: string, concurrency: string): Promise<void> {
  const [bootstrap, address] = [join(tempDir(t), 'boot.yaml'), join(tempDir(t), 'admin')];
  writeFileSync(bootstrap, BOOTSTRAP);
  const flags = ['sidecar', '-c', bootstrap, '--concurrency', concurrency, '--admin-address-path', address];
  const child = spawn(process.execPath, [...NODE_FLAGS, join(folder, 'dist/cli/main.js'), ...flags, '-l', 'warn'], {
    stdio: 'inherit',
  });
  const exit = new Promise<number | null>((done) => child.once('exit', done));
  t.after(() => void child.kill('SIGKILL'));
  const port = await portOf(child, address);
  assert.equal((await ask({ port, path: '/' })).text, 'here');
  child.kill('SIGTERM');
  assert.equal(await exit, 0);
}

/** Of the one listener, once the sidecar is ready. */
async function portOf(child: ChildProcess, address: string): Promise<number> {
  const page = async (path: string) => {
    const admin = Number(readFileSync(address, 'utf8').split(':').at(-1));
    return (await ask({ port: admin, path })).text;
  };
  const isLive = async () => {
    assert.equal(child.exitCode, null, 'the sidecar has ended');
    return existsSync(address) && (await page('/ready')) === 'LIVE\n';
  };
  await until('the sidecar', isLive, START_MS);
  return Number(/main::.*:(\d+)/.exec(await page('/listeners'))?.[1]);
}

const BOOTSTRAP = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: here}}}]}
`;

/** The modules that cannot do without one another, from the command line and the sidecar's own, with their texts. */
function loadedBySidecar(dist: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const read = (file: string) => {
    if (texts.has(file)) return;
    const text = readFileSync(file, 'utf8');
    texts.set(file, text);
    for (const [, path = ''] of text.matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) read(resolve(dirname(file), path));
  };
  const commandLine = imported(join(dist, 'cli/main.js'), /import\("(\.[^"]+command-line[^"]+)"\)/);
  read(commandLine);
  read(imported(commandLine, /compilesItself:!0,main:async\s*\(\)=>\(await import\("(\.[^"]+)"\)/));
  return texts;
}

function imported(file: string, pattern: RegExp): string {
  const path = pattern.exec(readFileSync(file, 'utf8').replaceAll('\n', ''))?.[1];
  assert.ok(path, `${file} imports what was looked for`);
  return resolve(dirname(file), path);
}
