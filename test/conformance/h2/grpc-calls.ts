// A gRPC service that needs no .proto, and calls of it through a sidecar.

import type { TestContext } from 'node:test';
import {
  Client,
  credentials,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { type BootstrapPieces, startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { HTTP2_UPSTREAM } from './lanes.ts';

export const same = (bytes: Buffer) => bytes;

function method(path: string, streams: boolean) {
  return {
    path,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const SAY = '/test.Echo/Say';
export const TALK = '/test.Echo/Talk';
const ECHO = { say: method(SAY, false), talk: method(TALK, true) } as const satisfies ServiceDefinition;

export type Say = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;
export type Talk = (call: ServerDuplexStream<Buffer, Buffer>) => void;

export const echo: Say = (call, done) => done(null, call.request);
const echoAll: Talk = (call) => {
  call.on('data', (piece: Buffer) => call.write(piece));
  call.on('end', () => call.end());
};

export async function startEcho(t: TestContext, say: Say = echo, talk: Talk = echoAll): Promise<number> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(ECHO, { say, talk });
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

export interface Call {
  readonly proxy: TestProxy;
  readonly client: Client;
}

export function through(t: TestContext, port: number, pieces: Partial<BootstrapPieces> = {}): Promise<Call> {
  return throughProxy(t, { origins: { o1: port }, cluster: { o1: HTTP2_UPSTREAM }, ...pieces });
}

export async function throughProxy(t: TestContext, bootstrap: string | BootstrapPieces): Promise<Call> {
  const proxy = await startProxy(bootstrap);
  t.after(() => proxy.close());
  const client = new Client(`127.0.0.1:${proxy.port()}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.enable_retries': 0,
  });
  t.after(() => client.close());
  return { proxy, client };
}

export interface Said {
  readonly code: number;
  readonly text: string;
  readonly body: Buffer | null;
  readonly trailers: Metadata;
}

export function say(
  { client }: Call,
  body = Buffer.from('hello'),
  metadata = new Metadata(),
  deadlineMs = 20_000,
): Promise<Said> {
  return new Promise((resolve) => {
    let trailers = new Metadata();
    const options = { deadline: Date.now() + deadlineMs };
    const call = client.makeUnaryRequest(
      SAY,
      same,
      same,
      body,
      metadata,
      options,
      (error: ServiceError | null, value) => {
        // After the callback comes the status, with its trailers.
        setImmediate(() =>
          resolve({ code: error?.code ?? 0, text: error?.details ?? '', body: value ?? null, trailers }),
        );
      },
    );
    call.on('status', (all) => {
      trailers = all.metadata;
    });
  });
}
