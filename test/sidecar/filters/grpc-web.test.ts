// gRPC-Web through the sidecar to a server of gRPC: both forms, both ways, whatever the pieces.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { bootstrapText, startProxy } from '../../mesh/proxy.ts';

const same = (bytes: Buffer) => bytes;
const shape = (path: string, responseStream: boolean) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const SERVICE = { say: shape('/test.Web/Say', false), count: shape('/test.Web/Count', true) };

async function startService(t: TestContext): Promise<number> {
  const server = new Server();
  server.addService(SERVICE, {
    say(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      const text = call.request.toString();
      if (text === 'fail') done({ code: 5, details: 'no such tea' });
      else done(null, Buffer.from(`${text}!`));
    },
    count(call: ServerWritableStream<Buffer, Buffer>) {
      for (let i = 1; i <= 3; i++) call.write(Buffer.from(`tea ${i}`));
      call.end();
    },
  });
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

const HTTP2 = `connect_timeout: 1s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}`;
const WEB_FILTER =
  '{name: grpc_web, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}}';

async function start(t: TestContext): Promise<number> {
  const text = bootstrapText({ origins: { o1: await startService(t) }, cluster: { o1: HTTP2 } });
  const proxy = await startProxy(text.replace('http_filters: [', `http_filters: [${WEB_FILTER}, `));
  t.after(() => proxy.close());
  return proxy.port();
}

function frame(text: string, flags = 0): Buffer {
  const prefix = Buffer.from([flags, 0, 0, 0, 0]);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** The body goes in pieces of `size`. */
function post(
  port: number,
  path: string,
  type: string,
  accept: string,
  body: Buffer,
  size = body.length,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, accept, 'x-grpc-web': '1' };
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.on('error', reject);
    for (let at = 0; at < body.length; at += size) sent.write(body.subarray(at, at + size));
    sent.end();
  });
}

/** Frames of an answer: flags and text of each. */
function read(body: Buffer): [number, string][] {
  const frames: [number, string][] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1);
    frames.push([body[at] as number, body.toString('latin1', at + 5, at + 5 + length)]);
    at += 5 + length;
  }
  return frames;
}

/** Groups may be padded anywhere. */
function fromText(body: Buffer): Buffer {
  return Buffer.concat((body.toString('latin1').match(/.{4}/gs) ?? []).map((group) => Buffer.from(group, 'base64')));
}

const WEB = 'application/grpc-web+proto';
const TEXT = 'application/grpc-web-text+proto';

test('a unary call in bytes: the trailers are the last frame', async (t) => {
  const port = await start(t);
  const { status, headers, body } = await post(port, '/test.Web/Say', WEB, WEB, frame('mint'));
  assert.equal(status, 200);
  assert.equal(headers['content-type'], WEB);
  assert.equal(headers['trailer'], undefined);
  const [message, last, ...more] = read(body);
  assert.deepEqual(message, [0, 'mint!']);
  assert.equal(last?.[0], 0x80);
  assert.match(last?.[1] ?? '', /^grpc-status:0\r\n/m);
  assert.deepEqual(more, []);
});

test('a stream in text, sent in pieces of every size', async (t) => {
  const port = await start(t);
  const body = Buffer.from(frame('all').toString('base64'));
  for (let size = 1; size <= body.length; size++) {
    const answer = await post(port, '/test.Web/Count', TEXT, TEXT, body, size);
    assert.equal(answer.headers['content-type'], TEXT);
    const frames = read(fromText(answer.body));
    assert.deepEqual(
      frames.slice(0, 3),
      [1, 2, 3].map((i) => [0, `tea ${i}`]),
    );
    assert.match(frames[3]?.[1] ?? '', /grpc-status:0\r\n/);
  }
});

test('messages that are padded one by one, and an answer in bytes where text was sent', async (t) => {
  const port = await start(t);
  const [head, tail] = [frame('mint').subarray(0, 4), frame('mint').subarray(4)];
  const body = Buffer.from(head.toString('base64') + tail.toString('base64'));
  const answer = await post(port, '/test.Web/Say', TEXT, WEB, body);
  assert.deepEqual(read(answer.body)[0], [0, 'mint!']);
});

test('a failure without a message comes as one of gRPC does', async (t) => {
  const port = await start(t);
  const { status, headers, body } = await post(port, '/test.Web/Say', WEB, WEB, frame('fail'));
  assert.equal(status, 200);
  const inBody = read(body).at(-1)?.[1] ?? '';
  assert.equal(headers['grpc-status'] ?? /grpc-status:(\d+)/.exec(inBody)?.[1], '5');
});

test('what is no base64 is refused, and the call never reaches its end upstream', async (t) => {
  const port = await start(t);
  for (const text of ['****', 'AAAA=', 'A', 'AA=A']) {
    const { headers } = await post(port, '/test.Web/Say', TEXT, TEXT, Buffer.from(text));
    assert.equal(headers['grpc-status'], '13', text);
    assert.match(decodeURIComponent(String(headers['grpc-message'])), /invalid base64/);
  }
});

test('a type that only begins like it is left alone', async (t) => {
  const port = await start(t);
  const { headers } = await post(port, '/test.Web/Say', 'application/grpc-webby', WEB, frame('mint'));
  assert.doesNotMatch(String(headers['content-type']), /grpc-web/);
});
