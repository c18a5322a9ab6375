// gRPC from application to application over a mesh hop: every kind of call, cancellation, deadlines; and a
// gRPC port asked in HTTP/1.1.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { exchange } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { type GrpcOrigin, grpcClient, runGrpcOrigin } from '../../mesh/grpc-origin.ts';
import { type MeshPair, runMeshPair, shopStat } from '../../mesh/mesh-pair.ts';

type Done = (error: ServiceError | null, value?: Buffer) => void;

/** What grpc-js makes of KINDS. */
interface Kinds {
  say(message: Buffer, done: Done): ClientUnaryCall;
  fail(message: Buffer, done: Done): ClientUnaryCall;
  never(message: Buffer, options: { readonly deadline?: number }, done: Done): ClientUnaryCall;
  collect(done: Done): ClientWritableStream<Buffer>;
  count(message: Buffer): ClientReadableStream<Buffer>;
  talk(): ClientDuplexStream<Buffer, Buffer>;
}

interface Story {
  readonly client: Kinds;
  readonly origin: GrpcOrigin;
  readonly pair: MeshPair;
}

async function story(t: TestContext): Promise<Story> {
  const origin = await runGrpcOrigin(t);
  const pair = await runMeshPair(t, origin.port, { shop: 'protocol: grpc' });
  return { client: grpcClient(t, pair.web.outbound, 'shop') as unknown as Kinds, origin, pair };
}

function value(start: (done: Done) => unknown): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, answer) => (error === null ? resolve(answer as Buffer) : reject(error)));
  });
}

async function unary({ client }: Story): Promise<void> {
  for (const size of [0, 3, 300_000]) {
    const message = Buffer.alloc(size, 'tea');
    assert.ok((await value((done) => client.say(message, done))).equals(message), String(size));
  }
}

async function trailersOf({ client }: Story): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<StatusObject>();
  client.say(Buffer.from('a'), () => {}).on('status', resolve);
  const { code, metadata } = await promise;
  assert.deepEqual([code, (metadata as Metadata).get('x-trailer')], [status.OK, ['after']]);
}

async function failure({ client }: Story): Promise<void> {
  await assert.rejects(
    value((done) => client.fail(Buffer.from(''), done)),
    { code: status.FAILED_PRECONDITION, details: 'not tea, 100 % – no' },
  );
}

async function clientStream({ client }: Story): Promise<void> {
  const answer = await value((done) => {
    const call = client.collect(done);
    for (const word of ['a', 'bc', 'def']) call.write(Buffer.from(word));
    call.end();
  });
  assert.equal(answer.toString(), 'abcdef');
}

async function serverStream({ client }: Story): Promise<void> {
  const numbers: string[] = [];
  for await (const piece of client.count(Buffer.from('500'))) numbers.push(String(piece));
  assert.deepEqual(
    numbers,
    Array.from({ length: 500 }, (_, i) => String(i)),
  );
}

/** Each word comes back before the next one is said. */
async function duplex({ client }: Story): Promise<void> {
  const call = client.talk();
  for (const word of ['one', 'two', 'three']) {
    call.write(Buffer.from(word));
    const heard = await new Promise((resolve) => call.once('data', resolve));
    assert.equal(String(heard), word);
  }
  call.end();
  const { code } = await new Promise<StatusObject>((resolve) => call.on('status', resolve).resume());
  assert.equal(code, status.OK);
}

async function cancellation({ client, origin }: Story): Promise<void> {
  const before = origin.cancelled;
  const stream = client.count(Buffer.from('0'));
  stream.once('data', () => stream.cancel());
  const error = await new Promise<ServiceError>((resolve) => stream.on('error', resolve));
  assert.equal(error.code, status.CANCELLED);
  await eventually(() => assert.equal(origin.cancelled, before + 1));
}

async function deadline({ client, origin }: Story): Promise<void> {
  const [before, due] = [origin.cancelled, Date.now() + 1000];
  await assert.rejects(
    value((done) => client.never(Buffer.from(''), { deadline: due }, done)),
    { code: status.DEADLINE_EXCEEDED },
  );
  // It travelled to the application, which counts down by itself too.
  assert.ok(Math.abs(Number(origin.deadline) - due) < 1000, `${Number(origin.deadline) - due}`);
  await eventually(() => assert.equal(origin.cancelled, before + 1));
}

/** HTTP/1.1 in, HTTP/2 at the port; gRPC's status is in the trailers of a chunked body. */
async function overHttp1({ pair }: Story): Promise<void> {
  const fields = ['host: shop', 'content-type: application/grpc', 'te: trailers', 'content-length: 8'];
  const text = await exchange(
    pair.web.outbound,
    [`${['POST /test.Kinds/Say HTTP/1.1', ...fields, '', ''].join('\r\n')}\0\0\0\0\x03tea`],
    (received) => /\r\n0\r\n(.+\r\n)*\r\n$/.test(received),
  );
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(text.includes('\0\0\0\0\x03tea'));
  assert.match(text, /\r\n0\r\n(.+\r\n)*grpc-status: 0\r\n/);
}

async function concurrent({ client, pair }: Story): Promise<void> {
  const words = Array.from({ length: 100 }, (_, i) => Buffer.from(String(i)));
  const answers = await Promise.all(words.map((word) => value((done) => client.say(word, done))));
  assert.deepEqual(answers.map(String), words.map(String));
  assert.equal(await shopStat(pair, 'upstream_cx_total'), 1);
}

/** In both sidecars, by their clusters, and in Prometheus by service and method. */
async function figures({ client, pair: { web, shop } }: Story): Promise<void> {
  await value((done) => client.say(Buffer.from('figures'), done));
  const line = /^cluster\.((?:outbound|inbound)\|.*)\.grpc\.test\.Kinds\.(\w+)\.(\w+): (\d+)$/gm;
  for (const [pages, cluster] of [
    [web.pages, /^outbound\|9000\|\|shop\./],
    [shop.pages, /^inbound\|\d+\|\|$/],
  ] as const) {
    const found = [...(await pages.get('/stats')).matchAll(line)];
    assert.ok(found.every(([, name = '']) => cluster.test(name)));
    const of = (method: string, figure: string) =>
      Number(found.find((one) => one[2] === method && one[3] === figure)?.[4]);
    assert.deepEqual(
      [of('Count', 'response_message_count') > 500, of('Collect', 'request_message_count'), of('Fail', '9')],
      [true, 3, 1],
    );
    assert.ok(of('Say', 'success') > 0 && of('Say', 'success') === of('Say', 'total'));
    const labels = 'envoy_grpc_bridge_method="Say",envoy_grpc_bridge_service="test.Kinds",envoy_cluster_name="[^"]+"';
    const series = new RegExp(`^envoy_cluster_grpc_success\\{${labels}\\} ${of('Say', 'success')}$`, 'm');
    assert.match(await pages.get('/stats/prometheus'), series);
  }
}

/** The sidecar answers for an application that is not there, in gRPC's words. */
async function nobodyThere({ client, pair }: Story): Promise<void> {
  pair.discovery.mesh('services: {web: {port: 80}, shop: {port: 9000, protocol: grpc}}');
  await eventually(() =>
    assert.rejects(
      value((done) => client.say(Buffer.from('a'), done)),
      { code: status.UNAVAILABLE },
    ),
  );
}

test('gRPC over a mesh hop', { timeout: 120_000 }, async (t) => {
  const here = await story(t);
  await t.test('unary, of any size', () => unary(here));
  await t.test('trailing metadata', () => trailersOf(here));
  await t.test('a status with a text', () => failure(here));
  await t.test('a stream of requests', () => clientStream(here));
  await t.test('a stream of answers', () => serverStream(here));
  await t.test('both at once', () => duplex(here));
  await t.test('a call that is given up reaches the application', () => cancellation(here));
  await t.test('a deadline travels on, and ends the call at both ends', () => deadline(here));
  await t.test('a gRPC port asked in HTTP/1.1', () => overHttp1(here));
  await t.test('a hundred calls on one connection', () => concurrent(here));
  await t.test('figures by method', () => figures(here));
  await t.test('no instance: UNAVAILABLE', () => nobodyThere(here));
});
