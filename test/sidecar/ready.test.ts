// /ready says LIVE when static listeners take connections, and not a moment before.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../examples/tea-shop/ask.ts';
import { createLifecycle, type Part } from '../../core/lifecycle.ts';
import { createLogs } from '../../core/log.ts';
import { loadConfig } from '../../sidecar/config.ts';
import { createSingle } from '../../sidecar/single.ts';
import { call } from '../mesh/call.ts';
import { openClient } from '../mesh/client.ts';
import { bootstrapText } from '../mesh/proxy.ts';
import { tempDir } from '../temp-dir.ts';

const ADMIN = 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}';

test('a sidecar with static listeners is not ready before they are bound', async (t) => {
  const dir = tempDir(t);
  const [file, address] = [join(dir, 'boot.yaml'), join(dir, 'admin')];
  writeFileSync(file, bootstrapText({ origins: { o1: 1 } }));
  const args = ['-c', file, '--config-yaml', ADMIN, '--admin-address-path', address, '--drain-time-s', '0'];
  const config = loadConfig(args, {}, readFileSync);
  assert.ok(config.ok);
  const logs = createLogs({ levels: { root: 'error', components: new Map() }, write: () => {} });
  const door = { on: () => {}, off: () => {}, exit: () => {} };
  const lifecycle = createLifecycle({ onTrouble: () => {}, process: door });
  const parts = (await createSingle(config.config, logs)).parts(lifecycle);
  t.after(async () => {
    for (const part of started.reverse()) await part.stop();
  });
  const started: Part[] = [];
  const start = async (part: Part) => {
    started.push(part);
    await part.start();
  };
  const listeners = parts.findIndex(({ name }) => name === 'listeners');
  for (const part of parts.slice(0, listeners)) await start(part);
  await until('the admin server', async () => readFileSync(address, 'utf8').includes(':'));
  const admin = readFileSync(address, 'utf8').trim();
  const ready = async () => (await call(admin, '/ready')).body;
  assert.match(await ready(), /PRE_INITIALIZING/);
  for (const part of parts.slice(listeners)) await start(part);
  assert.match(await ready(), /LIVE/);
  const listing = (await call(admin, '/listeners')).body;
  const client = await openClient(Number(/127\.0\.0\.1:(\d+)/.exec(listing)?.[1]));
  client.close();
});
