// A gRPC application with a method of every kind, and a client for it; messages are bytes, no .proto needed.

import type { TestContext } from 'node:test';
import {
  type Client,
  credentials,
  makeClientConstructor,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';

const same = (bytes: Buffer) => bytes;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Kinds/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const KINDS = {
  say: method('Say', false, false),
  fail: method('Fail', false, false),
  never: method('Never', false, false),
  collect: method('Collect', true, false),
  count: method('Count', false, true),
  talk: method('Talk', true, true),
} as const satisfies ServiceDefinition;

export interface GrpcOrigin {
  readonly port: number;
  /** Calls of `Never` and `Count` that their callers gave up. */
  readonly cancelled: number;
  /** The deadline that the last call came with. */
  readonly deadline: number | Date;
}

export async function runGrpcOrigin(t: TestContext): Promise<GrpcOrigin> {
  const seen = { cancelled: 0, deadline: 0 as number | Date };
  const watch = (call: { on(event: 'cancelled', heard: () => void): unknown }) =>
    call.on('cancelled', () => {
      seen.cancelled++;
    });
  const server = new Server();
  server.addService(KINDS, {
    say: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const trailer = new Metadata();
      trailer.set('x-trailer', 'after');
      done(null, call.request, trailer);
    },
    fail: (_call: unknown, done: sendUnaryData<Buffer>) =>
      done({ code: status.FAILED_PRECONDITION, details: 'not tea, 100 % – no' }),
    never: (call: ServerUnaryCall<Buffer, Buffer>) => {
      seen.deadline = call.getDeadline();
      watch(call);
    },
    collect: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const pieces: Buffer[] = [];
      call.on('data', (piece: Buffer) => pieces.push(piece));
      call.on('end', () => done(null, Buffer.concat(pieces)));
    },
    count: (call: ServerWritableStream<Buffer, Buffer>) => {
      watch(call);
      const wanted = Number(call.request.toString());
      for (let i = 0; i < wanted; i++) call.write(Buffer.from(String(i)));
      // A count of none is one without an end.
      if (wanted > 0) call.end();
      else call.write(Buffer.from('first'));
    },
    talk: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (piece: Buffer) => call.write(piece));
      call.on('end', () => call.end());
    },
  });
  t.after(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    get cancelled() {
      return seen.cancelled;
    },
    get deadline() {
      return seen.deadline;
    },
  };
}

/** Its methods are those of KINDS, as grpc-js makes them. */
export function grpcClient(t: TestContext, port: number, authority: string): Client {
  const Kinds = makeClientConstructor(KINDS, 'test.Kinds');
  const client = new Kinds(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.default_authority': authority });
  t.after(() => client.close());
  return client;
}
