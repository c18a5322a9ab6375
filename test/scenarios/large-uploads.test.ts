// Large requests, whose reads are let go of as soon as they are used: every byte arrives, also where a body is
// kept for another try, copied to a second service, waits for a slow origin, or came behind another request.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bootstrapText, startProxy, type TestProxy } from '../mesh/proxy.ts';

const MIB = 1024 * 1024;
/** Below the buffer limit of 1 MiB: kept for another try, and copied. */
const KEPT = 900 * 1024;

function bodyOf(id: number, size: number): Buffer {
  const body = Buffer.allocUnsafe(size);
  for (let at = 0; at + 4 <= size; at += 4) body.writeUInt32LE((Math.imul(at, 2_654_435_761) ^ (id << 24)) >>> 0, at);
  return body;
}

const digestOf = (...bodies: readonly Buffer[]) =>
  bodies.map((body) => createHash('sha256').update(body).digest('hex'));

/** Answers with the digest of what it got. Hesitates at /slow; says 503 to every first try at /again. */
function origin(onDigest: (digest: string) => void): Server {
  let tries = 0;
  return createServer((asked, response) => {
    void digest(asked, asked.url === '/slow').then((found) => {
      onDigest(found);
      if (asked.url === '/again' && tries++ % 2 === 0) response.statusCode = 503;
      response.end(found);
    });
  });
}

async function digest(asked: IncomingMessage, hesitant: boolean): Promise<string> {
  const hash = createHash('sha256');
  let pieces = 0;
  for await (const piece of asked) {
    hash.update(piece as Buffer);
    if (hesitant && ++pieces % 16 === 0) await pause(2);
  }
  return hash.digest('hex');
}

const first = origin(() => {});
let copied: (digest: string) => void = () => {};
const second = origin((found) => copied(found));
let proxy: TestProxy;

before(async () => {
  for (const server of [first, second]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const [o1, o2] = [first, second].map((server) => (server.address() as AddressInfo).port) as [number, number];
  const routes = `
- {match: {path: /copied}, route: {cluster: o1, request_mirror_policies: [{cluster: o2}]}}
- {match: {path: /again}, route: {cluster: o1, retry_policy: {retry_on: 5xx, num_retries: 1}}}
- {match: {prefix: /}, route: {cluster: o1}}`;
  proxy = await startProxy(bootstrapText({ origins: { o1, o2 }, routes }));
});

after(async () => {
  await proxy.close();
  first.close();
  second.close();
});

function upload(path: string, body: Buffer, chunked: boolean): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = chunked ? {} : { 'content-length': body.length };
    const asked = request({ host: '127.0.0.1', port: proxy.port(), path, method: 'PUT', agent: false, headers });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      const { statusCode = 0 } = answer;
      answer
        .toArray()
        .then((pieces) => resolve({ status: statusCode, text: Buffer.concat(pieces).toString() }), reject);
    });
    asked.end(body);
  });
}

test('many at once, counted and chunked, to a quick and a slow origin', async () => {
  const bodies = Array.from({ length: 8 }, (_, id) => bodyOf(id, 6 * MIB + id));
  const answers = await Promise.all(bodies.map((body, id) => upload(id % 3 === 0 ? '/slow' : '/', body, id % 2 === 0)));
  assert.deepEqual(
    answers.map(({ text }) => text),
    digestOf(...bodies),
  );
});

test('a body that is sent a second time is the same', async () => {
  const body = bodyOf(9, KEPT);
  for (const chunked of [false, true]) {
    const { status, text } = await upload('/again', body, chunked);
    assert.deepEqual([status, text], [200, digestOf(body)[0]]);
  }
});

test('a body that is copied to a second service is the same there', async () => {
  const body = bodyOf(10, KEPT);
  const seen = new Promise<string>((resolve) => {
    copied = resolve;
  });
  await upload('/copied', body, false);
  assert.deepEqual([await seen], digestOf(body));
});

test('a large request that came early, behind another one, is the same', async () => {
  const body = bodyOf(11, 300 * 1024);
  const head = (length: number) => `PUT / HTTP/1.1\r\nhost: o1\r\ncontent-length: ${length}\r\n\r\n`;
  const text = await new Promise<string>((resolve, reject) => {
    let answer = '';
    const socket = connect(proxy.port(), '127.0.0.1', () => {
      socket.write(`${head(1)}a`);
      socket.write(Buffer.concat([Buffer.from(head(body.length)), body]));
    });
    socket.on('error', reject);
    socket.setEncoding('latin1').on('data', (piece: string) => {
      answer += piece;
      if (answer.includes(digestOf(body)[0] as string)) socket.end();
    });
    socket.on('close', () => resolve(answer));
    socket.setTimeout(5000, () => socket.destroy());
  });
  assert.equal(text.split('HTTP/1.1 200').length, 3);
  assert.ok(text.includes(digestOf(body)[0] as string), 'the second body was damaged');
});
