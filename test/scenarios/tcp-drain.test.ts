// SIGTERM with TCP connections open: they live on for the drain time, since nobody can be told to leave, then they
// end and the process with them; their log lines are on disk.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, until } from '../../examples/tea-shop/ask.ts';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { dialTcp, startTcpOrigin, tcpBootstrap, tcpCluster, tcpFilter } from '../mesh/tcp.ts';
import { tempDir } from '../temp-dir.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

for (const threads of ['1', '2']) {
  test(`with ${threads} thread(s) a tunnel lives on until the drain time is over`, async (t) => {
    const folder = tempDir(t);
    const [admin = 0, main = 0] = await freePorts(2);
    const origin = await startTcpOrigin();
    t.after(() => origin.close());
    const log = { path: join(folder, 'log'), format: '%BYTES_RECEIVED% %BYTES_SENT%' };
    const text = tcpBootstrap({
      chains: [`filters: [${tcpFilter('cluster: a', log)}]`],
      clusters: [tcpCluster('a', [origin.port])],
    }).replace('port_value: 0}', `port_value: ${main}}`);
    const address = `{socket_address: {address: 127.0.0.1, port_value: ${admin}}}`;
    writeFileSync(join(folder, 'boot.yaml'), `admin: {address: ${address}}\n${text}`);
    const sidecar = spawn(
      process.execPath,
      [CLI, 'sidecar', '-c', join(folder, 'boot.yaml'), '--drain-time-s', '2', '--concurrency', threads, '-l', 'error'],
      { stdio: 'inherit' },
    );
    t.after(() => sidecar.kill('SIGKILL'));
    const exit = once(sidecar, 'exit');
    await until('the sidecar', async () => (await ask({ port: admin, path: '/ready' })).status === 200);
    const client = await dialTcp(main);
    const server = await origin.next();
    client.say('before');
    await server.hears('before');
    const asked = performance.now();
    sidecar.kill('SIGTERM');
    await until('draining', async () => (await ask({ port: admin, path: '/ready' })).status === 503);
    client.say(' after');
    await server.hears('before after');
    server.say('answer');
    await client.hears('answer');
    assert.equal(client.ended, false);
    await client.end();
    // A slow machine makes it later, never earlier.
    assert.ok(performance.now() - asked > 1_500, 'it ended before its time');
    server.socket.destroy();
    client.socket.destroy();
    assert.deepEqual(await exit, [0, null]);
    assert.equal(readFileSync(log.path, 'latin1'), '12 6\n');
  });
}
