// The relay does to a connection what it is told: what the scenarios of faults build on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { eventually } from './discovery.ts';
import { type Relay, startRelay } from './relay.ts';

interface Pair {
  readonly relay: Relay;
  readonly client: Socket;
  readonly target: Socket;
  readonly heard: { client: string; target: string };
}

async function pair(t: TestContext, prepare: (relay: Relay) => void = () => {}): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = await startRelay((server.address() as { port: number }).port);
  prepare(relay);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
  const [target] = await accepted;
  t.after(() => {
    client.destroy();
    target.destroy();
    server.close();
    return relay.close();
  });
  const heard = { client: '', target: '' };
  for (const [name, socket] of [
    ['client', client],
    ['target', target],
  ] as const) {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard[name] += bytes.toString();
    });
  }
  return { relay, client, target, heard };
}

test('passes both ways, and counts', async (t) => {
  const { relay, client, target, heard } = await pair(t);
  client.write('up');
  target.write('down');
  await eventually(() => assert.deepEqual(heard, { client: 'down', target: 'up' }));
  assert.deepEqual([relay.taken, relay.open, relay.passed('up'), relay.passed('down')], [1, 1, 2, 4]);
});

test('swallows one way, for good', async (t) => {
  const { relay, client, target, heard } = await pair(t);
  relay.swallow('up');
  client.write('gone');
  target.write('heard');
  await eventually(() => assert.equal(heard.client, 'heard'));
  relay.heal();
  client.write('again');
  await eventually(() => assert.equal(heard.target, 'again'));
});

test('stops reading, and loses nothing', async (t) => {
  const { relay, client, target, heard } = await pair(t);
  relay.stopReading('up');
  client.write('later');
  target.write('now');
  await eventually(() => assert.equal(heard.client, 'now'));
  assert.equal(heard.target, '');
  relay.heal();
  await eventually(() => assert.equal(heard.target, 'later'));
});

test('dribbles, in order', async (t) => {
  const { relay, client, target, heard } = await pair(t);
  const pieces: number[] = [];
  target.on('data', (bytes) => pieces.push(bytes.length));
  relay.throttle('up', 3);
  client.write('0123456789');
  await eventually(() => assert.equal(heard.target, '0123456789'));
  assert.ok(pieces.length >= 2, `${pieces}`);
});

test('cuts after so many bytes', async (t) => {
  const { client, heard, target } = await pair(t, (relay) => relay.cutAfter('up', 4, (link) => link.halfClose('up')));
  client.write('0123456789');
  await once(target, 'end');
  assert.equal(heard.target, '0123');
  target.write('and yet');
  await eventually(() => assert.equal(heard.client, 'and yet'));
});

test('resets both ends', async (t) => {
  const { relay, client, target } = await pair(t);
  const errors = Promise.all([client, target].map((socket) => new Promise((resolve) => socket.once('error', resolve))));
  relay.each((link) => link.reset());
  assert.deepEqual(
    ((await errors) as NodeJS.ErrnoException[]).map(({ code }) => code),
    ['ECONNRESET', 'ECONNRESET'],
  );
});

test('an end of one side reaches the other, and its own way stays open', async (t) => {
  const { client, target, heard } = await pair(t);
  client.end('last');
  await once(target, 'end');
  assert.equal(heard.target, 'last');
  target.end('answer');
  await once(client, 'end');
  assert.equal(heard.client, 'answer');
});
