// Many requests at once on a cold pool: a bounded number of handshakes, and everybody gets an answer
// (docs/decisions/0009).

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { before, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FEWEST_HANDSHAKES } from '../../../sidecar/upstream/pool.ts';
import { call } from '../../mesh/call.ts';
import { makeParties, type Parties, proxyTo, tlsOrigin } from './parties.ts';

let parties: Parties;
before(async () => {
  parties = await makeParties();
});

/** Takes connections and says nothing, until it is told to end them. */
async function muteServer(t: TestContext) {
  const open: Socket[] = [];
  let deaf = false;
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume();
    if (deaf) socket.destroy();
    else open.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const end = () => {
    deaf = true;
    for (const socket of open) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, open, end };
}

it('a burst on a cold pool starts a bounded number of handshakes, and everybody gets an answer', async (t) => {
  const BURST = 3 * FEWEST_HANDSHAKES;
  const mute = await muteServer(t);
  const proxy = await proxyTo(parties, mute.port, {}, '60s');
  const address = `127.0.0.1:${proxy.port()}`;
  const answers = Promise.all(Array.from({ length: BURST }, () => call(address, '/')));
  while (proxy.stats.cluster('o1').upstream_rq_pending_active < BURST) await setImmediate();
  for (let turn = 0; turn < 50; turn++) await setImmediate();
  assert.equal(mute.open.length, FEWEST_HANDSHAKES);
  mute.end();
  assert.deepEqual(new Set((await answers).map(({ status }) => status)), new Set([503]));
  await proxy.close();
});

it('a burst on a cold pool is served by few connections', async (t) => {
  const origin = await tlsOrigin(parties.friend, parties.root);
  t.after(() => origin.close());
  const proxy = await proxyTo(parties, origin.port, {}, '5s');
  const BURST = 8 * FEWEST_HANDSHAKES;
  const answers = await Promise.all(Array.from({ length: BURST }, () => call(`127.0.0.1:${proxy.port()}`, '/')));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.ok(origin.connections() < BURST, `${origin.connections()} connections for ${BURST} requests`);
  await proxy.close();
});
