// The demo as its users run it: the story holds, and the map for scripts is true.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, until } from '../../examples/tea-shop/ask.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

interface Entry {
  readonly role: string;
  readonly service: string | null;
  readonly pid: number;
  readonly admin?: string;
  readonly inbound?: string;
  readonly spiffe_id?: string;
}

function demo(...args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, 'demo', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      said.text += bytes.toString();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, said, ended };
}

test('the story holds, step by step', { timeout: 240_000 }, async (t) => {
  const { said, ended } = demo('--auto');
  const code = await ended;
  for (const line of said.text.split('\n').filter((text) => /^\S*(ok|FAILED)/.test(text))) t.diagnostic(line);
  assert.equal(code, 0, said.text);
  assert.match(said.text, /11 of 11 steps held/);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('-o json prints one line with every process, and Ctrl-C ends them all', { timeout: 120_000 }, async () => {
  const { child, said, ended } = demo('-o', 'json');
  await until('the map', async () => said.text.includes('\n'), 60_000);
  const map = JSON.parse(said.text) as { page: string; processes: Entry[] };
  assert.equal(said.text.trim().split('\n').length, 1);
  const roles = Map.groupBy(map.processes, ({ role }) => role);
  assert.deepEqual([...roles].map(([role, entries]) => [role, entries.length]).sort(), [
    ['app', 9],
    ['discovery', 1],
    ['gateway', 1],
    ['sidecar', 9],
  ]);
  for (const { spiffe_id, service } of roles.get('sidecar') ?? [])
    assert.equal(spiffe_id, `spiffe://cluster.local/ns/default/sa/${service}`);
  const { status, text } = await ask({ port: Number(new URL(map.page).port), path: '/' });
  assert.equal(status, 200);
  assert.match(text, /Tea shop/);
  for (const { pid } of map.processes) assert.ok(isAlive(pid));
  child.kill('SIGINT');
  assert.equal(await ended, 0);
  await sleep(200);
  assert.deepEqual(
    map.processes.filter(({ pid }) => isAlive(pid)),
    [],
  );
});
