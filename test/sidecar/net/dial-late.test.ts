// A thread that did not run for a while is late with everything: its timers are due before it has looked at its
// sockets. A connection that came about in time is taken all the same.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import { dial } from '../../../sidecar/net/dial.ts';

const TIMEOUT_MS = 40;

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('a connection that came about while the thread was busy is no timeout', async (t) => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const said = await new Promise<string>((resolve) => {
    const target = {
      host: '127.0.0.1',
      port,
      timeoutMs: TIMEOUT_MS,
      tls: null,
      bind: null,
      keepAliveSeconds: null,
      preface: null,
    };
    dial(target, systemClock, {
      onConnected: (socket) => {
        socket.destroy();
        resolve('connected');
      },
      onFailed: (error) => resolve(error.row.details),
    });
    // The connect call was made in this turn; the kernel answers it while nobody looks.
    process.nextTick(() => block(TIMEOUT_MS * 3));
  });
  assert.equal(said, 'connected');
});
