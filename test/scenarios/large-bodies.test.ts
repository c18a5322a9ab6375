// Large answers to many clients at once, quick ones and ones that keep stopping: every byte of every answer
// is the right one, although all of them pass through the same memory.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, get, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bootstrapText, startProxy, type TestProxy } from '../mesh/proxy.ts';

const MIB = 1024 * 1024;
const SIZE = 12 * MIB;
const CLIENTS = 10;

/** Bytes that tell from which answer and place they are. */
function bodyOf(id: number): Buffer {
  const body = Buffer.allocUnsafe(SIZE);
  for (let at = 0; at < SIZE; at += 4) body.writeUInt32LE((Math.imul(at, 2_654_435_761) ^ (id << 24)) >>> 0, at);
  return body;
}

const bodies = Array.from({ length: CLIENTS }, (_, id) => bodyOf(id));
const origin = createServer((request, response) => {
  const body = bodies[Number(request.url?.slice(1))] as Buffer;
  // Counted or chunked, by turns.
  if (Number(request.url?.slice(1)) % 2 === 0) response.setHeader('content-length', String(body.length));
  response.end(body);
});
let proxy: TestProxy;

before(async () => {
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const { port } = origin.address() as { port: number };
  proxy = await startProxy(bootstrapText({ origins: { o1: port } }));
});

after(async () => {
  await proxy.close();
  origin.close();
});

async function digest(id: number, hesitant: boolean): Promise<string> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port: proxy.port(), host: '127.0.0.1', path: `/${id}`, agent: false }, resolve).on('error', reject);
  });
  const hash = createHash('sha256');
  let pieces = 0;
  for await (const piece of answer) {
    hash.update(piece as Buffer);
    if (hesitant && ++pieces % 16 === 0) await pause(2);
  }
  return hash.digest('hex');
}

test('every answer arrives as it was sent', async () => {
  const digests = await Promise.all(bodies.map((_, id) => digest(id, id % 3 === 0)));
  assert.deepEqual(
    digests,
    bodies.map((body) => createHash('sha256').update(body).digest('hex')),
  );
});

test('an answer that is cut off does not disturb the others', async () => {
  const cut = get({ port: proxy.port(), host: '127.0.0.1', path: '/1', agent: false }, (answer) => {
    answer.once('data', () => cut.destroy());
    answer.on('error', () => {});
  });
  cut.on('error', () => {});
  const digests = await Promise.all([2, 3, 4, 5].map((id) => digest(id, id % 2 === 0)));
  assert.deepEqual(
    digests,
    [2, 3, 4, 5].map((id) =>
      createHash('sha256')
        .update(bodies[id] as Buffer)
        .digest('hex'),
    ),
  );
});
