// `fairlead register` as a process of its own: what it prints, when it leaves, what it exits with.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { call } from '../mesh/call.ts';
import { eventually, runDiscovery } from '../mesh/discovery.ts';

const CLI = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly exit: Promise<number | null>;
}

function fairlead(t: TestContext, args: readonly string[]): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args]);
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
  }
  return { child, said: () => text, exit: once(child, 'exit').then(([code]) => code as number | null) };
}

async function healthy(admin: string): Promise<string[]> {
  const { instances } = JSON.parse((await call(admin, '/v1/instances')).body) as {
    instances: { name: string; status: string }[];
  };
  return instances.filter(({ status }) => status === 'healthy').map(({ name }) => name);
}

test('registers until SIGTERM, then leaves', async (t) => {
  const { xds, admin } = await runDiscovery(t, '');
  const running = fairlead(t, ['register', '--service', 'web', '--name', 'w1', '--port', '8080', '--server', xds]);
  await eventually(async () => assert.deepEqual(await healthy(admin), ['w1']));
  running.child.kill('SIGTERM');
  assert.equal(await running.exit, 0);
  assert.deepEqual(await healthy(admin), []);
  assert.equal(running.said(), 'registered w1 of web at 127.0.0.1:8080\nw1 of web has left\n');
});

test('beside a command it leaves when that ends, and exits with its code', async (t) => {
  const { xds, admin } = await runDiscovery(t, '');
  const flags = ['register', '--service', 'web', '--port', '8080', '--server', xds, '--'];
  const running = fairlead(t, [
    ...flags,
    process.execPath,
    '-e',
    'console.log("at work"); process.exit(7)',
    '--',
    '--help',
  ]);
  assert.equal(await running.exit, 7);
  assert.match(running.said(), /registered .*at work\n.*has left/s);
  assert.deepEqual(await healthy(admin), []);

  const missing = fairlead(t, [...flags, '/no/such/program']);
  assert.equal(await missing.exit, 1);
  assert.match(missing.said(), /\/no\/such\/program cannot be started/);
});

test('beside a command, SIGTERM reaches it after the instance has left', async (t) => {
  const { xds, admin } = await runDiscovery(t, '');
  const script =
    'process.on("SIGTERM", () => { console.log("told"); process.exit(0); }); setInterval(() => {}, 1000); console.log("up")';
  const flags = [
    'register',
    '--service',
    'web',
    '--port',
    '8080',
    '--server',
    xds,
    '--',
    process.execPath,
    '-e',
    script,
  ];
  const running = fairlead(t, flags);
  await eventually(() => assert.match(running.said(), /up/));
  running.child.kill('SIGTERM');
  assert.equal(await running.exit, 0);
  assert.match(running.said(), /told/);
  assert.deepEqual(await healthy(admin), []);
});

test('SIGTERM ends it also while it waits for discovery, which it complains of once', async (t) => {
  const running = fairlead(t, ['register', '--service', 'web', '--port', '8080', '--server', '127.0.0.1:1']);
  await eventually(() =>
    assert.match(running.said(), /discovery at 127\.0\.0\.1:1: connect ECONNREFUSED .*; trying again/),
  );
  running.child.kill('SIGTERM');
  assert.equal(await running.exit, 1);
  assert.equal(running.said().match(/trying again/g)?.length, 1);
});

test('mistakes say how to mend them', async (t) => {
  const { xds } = await runDiscovery(t, '');
  const outcome = async (...args: string[]) => {
    const running = fairlead(t, ['register', ...args]);
    return [await running.exit, running.said()] as const;
  };
  assert.deepEqual(await outcome('--port', '1'), [
    2,
    'fairlead register: --service is required\nsee `fairlead register --help`\n',
  ]);
  const stray = await outcome('web', '--service', 'web', '--port', '1');
  assert.equal(stray[0], 2);
  const token = await outcome('--service', 'web', '--port', '1', '--server', xds, '--ca-root', '/no/such/root.pem');
  assert.deepEqual(token, [1, 'fairlead register: --ca-root: /no/such/root.pem cannot be read (ENOENT)\n']);
  const refused = await outcome('--service', 'web', '--port', '1', '--weight', '999', '--server', xds);
  assert.equal(refused[0], 1);
  assert.match(refused[1], /discovery refused the registration: .*weight/);
});
