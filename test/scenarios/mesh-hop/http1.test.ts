// Applications that speak HTTP/1.1 at both ends of a mesh hop see nothing of the HTTP/2 between them.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../mesh/discovery.ts';
import { exchange, openClient } from '../../mesh/client.ts';
import { type MeshPair, runMeshPair, shopStat, untilStat } from '../../mesh/mesh-pair.ts';
import { answer, type Origin, type Script, startOrigin } from '../../mesh/origin.ts';
import { acceptOf, webSocketEcho } from '../../mesh/web-socket-echo.ts';

const CONCURRENT = 100;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

interface Hop extends MeshPair {
  readonly origin: Origin;
}

async function runHop(t: TestContext): Promise<Hop> {
  const origin = await startOrigin();
  t.after(() => origin.close());
  return { ...(await runMeshPair(t, origin.port)), origin };
}

function head(line: string, ...fields: readonly string[]): string {
  return [line, 'host: shop', ...fields, '', ''].join('\r\n');
}

/** The text of one answer, on a connection of its own. */
function ask(hop: Hop, script: Script, request: string, until: (text: string) => boolean): Promise<string> {
  hop.origin.script = script;
  return exchange(hop.web.outbound, [request], until);
}

const body = (text: string) => (received: string) => received.endsWith(text);

async function manyOnOne(hop: Hop): Promise<void> {
  let waiting: (() => void)[] = [];
  hop.origin.script = (_request, _n, socket) => {
    waiting.push(() => socket.write(answer('ok')));
    if (waiting.length === CONCURRENT) {
      for (const go of waiting) go();
      waiting = [];
    }
    return null;
  };
  const asked = Array.from({ length: CONCURRENT }, () =>
    exchange(hop.web.outbound, [head('GET / HTTP/1.1')], body('ok')),
  );
  assert.ok((await Promise.all(asked)).every((text) => text.startsWith('HTTP/1.1 200 OK\r\n')));
  assert.equal(await shopStat(hop, 'upstream_cx_total'), 1);
  assert.equal(await shopStat(hop, 'upstream_cx_http2_total'), 1);
}

async function trailers(hop: Hop): Promise<void> {
  const chunked = '2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n';
  const text = await ask(
    hop,
    () => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n${chunked}`,
    `${head('POST / HTTP/1.1', 'te: trailers', 'transfer-encoding: chunked')}3\r\nabc\r\n0\r\nx-asked: 1\r\n\r\n`,
    body('\r\n\r\n'),
  );
  assert.ok(text.endsWith(`\r\n\r\n${chunked}`), text);
  assert.equal(hop.origin.seen.at(-1)?.body, '3\r\nabc\r\n0\r\nx-asked: 1\r\n\r\n');
}

async function expectation(hop: Hop): Promise<void> {
  hop.origin.script = ({ body: text }) => answer(text);
  const client = await openClient(hop.web.outbound);
  await client.send(head('POST / HTTP/1.1', 'expect: 100-continue', 'content-length: 3'));
  await client.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  await client.send('abc');
  assert.match(await client.until(body('abc')), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  client.close();
}

/** What was not asked for is not passed on, nor taken for the answer. */
async function interim(hop: Hop): Promise<void> {
  const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
  const text = await ask(hop, () => `${hints}${answer('ok')}`, head('GET / HTTP/1.1'), body('ok'));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
}

async function headRequest(hop: Hop): Promise<void> {
  const request = head('HEAD / HTTP/1.1', 'connection: close');
  const text = await ask(
    hop,
    () => 'HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n',
    request,
    () => false,
  );
  assert.match(text, /\r\ncontent-length: 1234\r\n/);
  assert.ok(text.endsWith('\r\n\r\n'), text);
}

/** Answered in the middle of the upload, of which the rest is not wanted any more. */
async function earlyAnswer(hop: Hop): Promise<void> {
  const open = hop.origin.sockets.length;
  // The sidecar dials anew: a new connection says that the half of a request is on its way.
  for (const socket of hop.origin.sockets) socket.destroy();
  const client = await openClient(hop.web.outbound);
  await client.send(`${head('POST / HTTP/1.1', 'content-length: 1000')}abc`);
  const application = await eventually(() => {
    assert.ok(hop.origin.sockets.length > open, 'no new connection to the application');
    return hop.origin.sockets.at(-1);
  });
  application?.write(answer('too much', 'HTTP/1.1 413 Payload Too Large', 'connection: close'));
  assert.match(await client.until(body('too much')), /^HTTP\/1\.1 413 Payload Too Large\r\n/);
  client.close();
}

/** The client leaves: the application's connection ends, and other requests do not notice. */
async function clientLeaves(hop: Hop): Promise<void> {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
  hop.origin.script = (_request, _n, socket) => {
    socket.once('close', () => resolve());
    arrived();
    return null;
  };
  const client = await openClient(hop.web.outbound);
  await client.send(head('GET /slow HTTP/1.1'));
  await asked;
  client.close();
  await gone;
}

/** The application breaks off in the middle of its answer: so does what the client gets. */
async function applicationLeaves(hop: Hop): Promise<void> {
  hop.origin.script = (_request, _n, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroy());
    return null;
  };
  const client = await openClient(hop.web.outbound);
  await client.send(head('GET / HTTP/1.1'));
  const text = await client.ended();
  assert.ok(text.startsWith('HTTP/1.1 200 OK\r\n') && text.endsWith('half'), text);
}

/** A client that wants its connection closed closes that one alone. */
async function closesOneOnly(hop: Hop): Promise<void> {
  const before = await shopStat(hop, 'upstream_cx_total');
  for (let i = 0; i < 3; i++) {
    const request = head('GET / HTTP/1.1', 'connection: close');
    const text = await ask(
      hop,
      () => answer('ok'),
      request,
      () => false,
    );
    assert.match(text, /\r\nconnection: close\r\n/);
    assert.doesNotMatch(hop.origin.seen.at(-1)?.head ?? '', /^connection: close/im);
  }
  assert.equal(await shopStat(hop, 'upstream_cx_total'), before);
}

/** It is what it was at both ends, and an extended CONNECT between them. */
async function webSocket(hop: Hop): Promise<void> {
  hop.origin.script = webSocketEcho;
  const fields = [
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${KEY}`,
  ];
  const client = await openClient(hop.web.outbound);
  await client.send(head('GET /live HTTP/1.1', ...fields));
  const switched = await client.until(body('hello '));
  assert.match(switched, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.ok(switched.includes(`\r\nsec-websocket-accept: ${acceptOf(KEY)}\r\n`), switched);
  await client.send('tea');
  assert.match(await client.until(body('tea')), /hello echo tea$/);
  assert.match(hop.origin.seen.at(-1)?.head ?? '', /^GET \/live HTTP\/1\.1\r\n/);
  assert.match(hop.origin.seen.at(-1)?.head ?? '', /\r\nupgrade: websocket(\r\n|$)/i);
  client.close();
}

test('HTTP/1.1 at both ends of a mesh hop', { timeout: 120_000 }, async (t) => {
  const hop = await runHop(t);
  await t.test('one connection carries a hundred requests at once', () => manyOnOne(hop));
  await t.test('trailers, both ways', () => trailers(hop));
  await t.test('an expectation is met before the body is sent', () => expectation(hop));
  await t.test('an interim answer', () => interim(hop));
  await t.test('HEAD has the length and no body', () => headRequest(hop));
  await t.test('an answer before the end of the request', () => earlyAnswer(hop));
  await t.test('a client that leaves', () => clientLeaves(hop));
  await t.test('an application that leaves', () => applicationLeaves(hop));
  await t.test("a client's `connection: close` is its own", () => closesOneOnly(hop));
  await t.test('a WebSocket', () => webSocket(hop));
  await untilStat(hop, 'upstream_rq_active', 0);
  assert.equal(await shopStat(hop, 'upstream_cx_total'), 1);
});
