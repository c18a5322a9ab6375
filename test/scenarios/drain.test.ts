// SIGTERM under load: readiness goes first, answers ask for their connections to be closed, what is under
// way finishes, and the process ends by itself. Nobody sees an error who stops when asked.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, until } from '../../examples/tea-shop/ask.ts';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { openClient } from '../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../mesh/origin.ts';
import { bootstrapText } from '../mesh/proxy.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

let dir: string;
let origin: Origin;
let sidecar: ChildProcess;
let admin: number;
let main: number;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-drain-'));
  origin = await startOrigin();
  [admin, main] = (await freePorts(2)) as [number, number];
  const text = bootstrapText({ origins: { o1: origin.port } }).replace('port_value: 0}', `port_value: ${main}}`);
  writeFileSync(
    join(dir, 'boot.yaml'),
    `admin: {address: {socket_address: {address: 127.0.0.1, port_value: ${admin}}}}\n${text}`,
  );
  sidecar = spawn(
    process.execPath,
    [CLI, 'sidecar', '-c', join(dir, 'boot.yaml'), '--drain-time-s', '10', '-l', 'warning'],
    { stdio: 'ignore' },
  );
  await until('the sidecar', async () => (await ask({ port: admin, path: '/ready' })).status === 200);
});

after(async () => {
  sidecar.kill('SIGKILL');
  await origin.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a request under way finishes, new ones are served with Connection: close, then the process ends', {
  timeout: 60_000,
}, async () => {
  origin.script = ({ head }, _n, socket) => {
    if (!head.startsWith('GET /slow')) return answer('quick');
    setTimeout(() => socket.write(answer('slow')), 1500);
    return null;
  };
  const kept = await openClient(main);
  await kept.send('GET /a HTTP/1.1\r\nhost: a\r\n\r\n');
  await kept.until((all) => all.endsWith('quick'));
  assert.ok(!kept.received.includes('connection: close'));
  const slow = await openClient(main);
  await slow.send('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n');
  await until('the slow request at the origin', async () =>
    origin.seen.some(({ head }) => head.startsWith('GET /slow')),
  );

  const ended = new Promise<number | null>((resolve) => sidecar.once('exit', resolve));
  sidecar.kill('SIGTERM');
  await until('readiness to go', async () => (await ask({ port: admin, path: '/ready' })).status === 503);

  await kept.send('GET /b HTTP/1.1\r\nhost: a\r\n\r\n');
  const again = await kept.ended();
  assert.equal(again.match(/quick/g)?.length, 2);
  assert.match(again, /connection: close\r\n[\s\S]*quick$/);
  const late = await openClient(main);
  await late.send('GET /c HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(await late.ended(), /connection: close\r\n[\s\S]*quick$/);

  assert.match(await slow.ended(), /connection: close\r\n[\s\S]*slow$/);
  assert.equal(await ended, 0);
});
