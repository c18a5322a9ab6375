// What a tunnel holds, and what it passes on: many bytes against a reader that does not read, bytes that come
// before there is an upstream, and pieces whose memory is used again.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { Socket } from 'node:net';
import { tcpOrigin, tcpStory } from '../../mesh/tcp-story.ts';
import { deadPort, tcpCluster } from '../../mesh/tcp.ts';

const MIB = 1024 * 1024;
const TOTAL = 64 * MIB;
const BLOCK = randomBytes(MIB + 7);

/** Sends all bytes, waiting for the reader, and says what they hash to. */
async function sendAll(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  for (let sent = 0; sent < TOTAL; ) {
    const piece = BLOCK.subarray(0, Math.min(BLOCK.length, TOTAL - sent));
    hash.update(piece);
    sent += piece.length;
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.end();
  return hash.digest('hex');
}

async function readAll(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.removeAllListeners('data');
  socket.on('data', (bytes) => hash.update(bytes));
  socket.resume();
  await new Promise((resolve) => socket.once('end', resolve));
  return hash.digest('hex');
}

test('64 MiB each way at once against readers that wait: little is held, and all of it arrives', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const { client, server } = await story.pair();
  client.socket.pause();
  server.socket.pause();
  const sent = [sendAll(client.socket), sendAll(server.socket)];
  const tcp = story.proxy.stats.tcp('p');
  const upstream = story.proxy.stats.cluster('a');
  const isPaused = () =>
    tcp.downstream_flow_control_paused_reading_total > tcp.downstream_flow_control_resumed_reading_total &&
    upstream.upstream_flow_control_paused_reading_total > upstream.upstream_flow_control_resumed_reading_total;
  const taken = () => [tcp.downstream_cx_rx_bytes_total, tcp.downstream_cx_tx_bytes_total];
  while (!isPaused()) await turn();
  const held = taken();
  for (let n = 0; n < 200; n++) await turn();
  assert.deepEqual(taken(), held, 'nothing is read while the other side does not take it');
  // What the system holds for four sockets, and not what the sidecar does.
  for (const bytes of held) assert.ok((bytes as number) < TOTAL / 2, `${bytes} bytes were taken`);
  const arrived = await Promise.all([readAll(server.socket), readAll(client.socket)]);
  assert.deepEqual(arrived, await Promise.all(sent));
  assert.deepEqual(await story.log(1), [`- ${TOTAL} ${TOTAL} a 1 Normal Normal -`]);
});

test('a small buffer limit holds, and its reader gets everything', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, { listener: 'per_connection_buffer_limit_bytes: 1024' });
  const { client, server } = await story.pair();
  client.socket.pause();
  const { stats } = story.proxy;
  // Small pieces: what waits stays below the mark at which a socket tells by itself that it has drained.
  let sent = 0;
  while (stats.cluster('a').upstream_flow_control_paused_reading_total === 0) {
    server.socket.write(BLOCK.subarray(0, 10_000));
    sent += 10_000;
    await turn();
  }
  server.socket.end();
  client.socket.resume();
  await client.end();
  assert.equal(client.heard.length, sent);
});

test('what comes before there is an upstream is kept for it, the end as well', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, {
    fields: 'cluster: a, max_connect_attempts: 2',
    clusters: [tcpCluster('a', [await deadPort(), origin.port])],
  });
  const client = await story.client();
  client.socket.end(`early ${'x'.repeat(100_000)}`);
  const server = await origin.next();
  await server.end();
  assert.equal(server.heard.length, 100_006);
  server.socket.end('answer');
  await client.gone();
  assert.equal(client.heard, 'answer');
});

test('a client that ends without a byte before there is an upstream', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin, {
    fields: 'cluster: a, max_connect_attempts: 3',
    clusters: [tcpCluster('a', [await deadPort(), origin.port])],
  });
  for (let n = 0; n < 3; n++) {
    const client = await story.client();
    client.socket.end();
    const server = await origin.next();
    await server.end();
    server.socket.end();
    await client.gone();
  }
  await story.log(3);
  assert.equal(story.proxy.runtime.activeRequests, 0);
});

test('many tunnels at once do not mix their bytes', async (t) => {
  const origin = await tcpOrigin(t);
  const story = await tcpStory(t, origin);
  const pairs = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const client = await story.client();
      client.say(`${n} `.padStart(10));
      return { client, n };
    }),
  );
  const servers = await Promise.all(pairs.map(() => origin.next()));
  await Promise.all(
    servers.map(async (server) => {
      const name = await server.hears('0123456789');
      // Large enough that the system does not take it at once.
      server.socket.end(name.repeat(200_000));
    }),
  );
  await Promise.all(
    pairs.map(async ({ client, n }) => {
      await client.end();
      const { heard } = client;
      assert.equal(heard.length, 2_000_000);
      assert.equal(heard, `${n} `.padStart(10).repeat(200_000));
    }),
  );
});
