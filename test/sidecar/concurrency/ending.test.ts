// The end of a process with several workers: nobody who is being served is cut off, and whoever insists is
// obeyed at once.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../examples/tea-shop/ask.ts';
import { openClient, type RawClient } from '../../mesh/client.ts';
import { answer, type Origin, startOrigin } from '../../mesh/origin.ts';
import { bootstrapText } from '../../mesh/proxy.ts';
import { type Running, runSidecar } from './process.ts';

const SLOW = 'GET /slow HTTP/1.1\r\nhost: a\r\n\r\n';

/** Requests at the origin that came through both workers. */
async function underWay(sidecar: Running, origin: Origin, port: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  const active = async () =>
    Promise.all([0, 1].map((i) => sidecar.pages.stat(`listener.main.worker_${i}.downstream_cx_active`)));
  while (clients.length < 8 || (await active()).includes(0)) {
    const client = await openClient(port);
    await client.send(SLOW);
    clients.push(client);
  }
  await until('the requests at the origin', async () => origin.seen.length === clients.length);
  return clients;
}

test('SIGTERM: what is under way in both workers ends well, later ones are served, exit code 0', {
  timeout: 120_000,
}, async (t) => {
  const origin = await startOrigin();
  t.after(() => origin.close());
  const release: (() => void)[] = [];
  origin.script = ({ head }, _n, socket) => {
    if (!head.startsWith('GET /slow')) return answer('quick');
    release.push(() => socket.write(answer('slow')));
    return null;
  };
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }), ['--concurrency', '2']);
  const port = await sidecar.pages.port();
  const clients = await underWay(sidecar, origin, port);

  sidecar.child.kill('SIGTERM');
  await until('readiness to go', async () => (await sidecar.pages.get('/ready')) === 'DRAINING\n');
  for (let n = 0; n < 10; n++) {
    const late = await openClient(port);
    await late.send('GET /late HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.match(await late.ended(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*quick$/);
  }
  for (const go of release) go();
  for (const client of clients) {
    assert.match(await client.ended(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*slow$/);
  }
  assert.equal(await sidecar.exitCode, 0);
});

test('the drain time is the limit of what never ends', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin(() => null);
  t.after(() => origin.close());
  const flags = ['--concurrency', '2', '--drain-time-s', '1'];
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }), flags);
  const clients = await underWay(sidecar, origin, await sidecar.pages.port());
  const before = performance.now();
  sidecar.child.kill('SIGTERM');
  assert.equal(await sidecar.exitCode, 0);
  assert.ok(performance.now() - before < 4000);
  for (const client of clients) await client.ended();
});

test('a second signal ends the process at once', { timeout: 120_000 }, async (t) => {
  const origin = await startOrigin(() => null);
  t.after(() => origin.close());
  const sidecar = await runSidecar(t, bootstrapText({ origins: { o1: origin.port } }), ['--concurrency', '2']);
  await underWay(sidecar, origin, await sidecar.pages.port());
  sidecar.child.kill('SIGTERM');
  await until('readiness to go', async () => (await sidecar.pages.get('/ready')) === 'DRAINING\n');
  const before = performance.now();
  sidecar.child.kill('SIGTERM');
  assert.equal(await sidecar.exitCode, 1);
  assert.ok(performance.now() - before < 1000);
});

test('a listener that cannot be bound ends the start with its reason', { timeout: 120_000 }, async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const bootstrap = bootstrapText({ origins: { o1: 1 } }).replace('port_value: 0}', `port_value: ${port}}`);
  const sidecar = await runSidecar(t, bootstrap, ['--concurrency', '2'], false);
  assert.equal(await sidecar.exitCode, 1);
  assert.match(sidecar.said.stderr, new RegExp(`fairlead sidecar: cannot bind 127.0.0.1:${port}: .*EADDRINUSE`));
});
