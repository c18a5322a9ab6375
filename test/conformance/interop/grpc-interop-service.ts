// gRPC's interop service as grpc-js serves and calls it: what is written down of it in
// grpc/doc/interop-test-descriptions.md, "Server".

import { EventEmitter } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type requestCallback,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export const INITIAL = 'x-grpc-test-echo-initial';
export const TRAILING = 'x-grpc-test-echo-trailing-bin';

interface Payload {
  readonly body: Buffer;
}

interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export type Empty = Readonly<Record<string, never>>;

export interface UnaryRequest {
  readonly response_size?: number;
  readonly payload?: Payload | null;
  readonly response_status?: EchoStatus | null;
}

export interface InputRequest {
  readonly payload: Payload;
}

export interface InputResponse {
  readonly aggregated_payload_size: number;
}

export interface OutputRequest {
  readonly response_parameters?: readonly { readonly size: number }[];
  readonly payload?: Payload | null;
  readonly response_status?: EchoStatus | null;
}

export interface Response {
  readonly payload: Payload;
}

type Unary<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: requestCallback<A>,
) => ClientUnaryCall;

export interface TestService extends Client {
  readonly EmptyCall: Unary<Empty, Empty>;
  readonly UnaryCall: Unary<UnaryRequest, Response>;
  readonly UnimplementedCall: Unary<Empty, Empty>;
  StreamingOutputCall(request: OutputRequest): ClientReadableStream<Response>;
  StreamingInputCall(done: requestCallback<InputResponse>): ClientWritableStream<InputRequest>;
  FullDuplexCall(metadata?: Metadata, options?: Partial<CallOptions>): ClientDuplexStream<OutputRequest, Response>;
}

export interface UnimplementedService extends Client {
  readonly UnimplementedCall: Unary<Empty, Empty>;
}

const TEXT = fileURLToPath(new URL('grpc-interop.proto', import.meta.url));
const { grpc } = loadPackageDefinition(loadSync(TEXT, { keepCase: true, defaults: true })) as unknown as {
  readonly grpc: {
    readonly testing: {
      readonly TestService: ServiceClientConstructor;
      readonly UnimplementedService: ServiceClientConstructor;
    };
  };
};

export interface InteropClients {
  readonly test: TestService;
  readonly unimplemented: UnimplementedService;
}

/** Both services on one channel, which is never replaced. */
export function interopClients(t: TestContext, port: number, authority: string): InteropClients {
  const test = new grpc.testing.TestService(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.default_authority': authority,
    'grpc.enable_retries': 0,
  });
  const unimplemented = new grpc.testing.UnimplementedService('', credentials.createInsecure(), {
    channelOverride: test.getChannel(),
  });
  t.after(() => test.close());
  return {
    test: test as unknown as TestService,
    unimplemented: unimplemented as unknown as UnimplementedService,
  };
}

/** A payload of zeros, as the cases send and expect it. */
export function zeros(size: number): Payload {
  return { body: Buffer.alloc(size) };
}

export interface InteropOrigin {
  readonly port: number;
  /** `cancelled`, for each call of FullDuplexCall that its caller gave up. */
  readonly heard: EventEmitter;
}

export async function runInteropOrigin(t: TestContext): Promise<InteropOrigin> {
  const heard = new EventEmitter();
  const server = new Server();
  // UnimplementedCall is left out: grpc-js answers UNIMPLEMENTED for it.
  server.addService(grpc.testing.TestService.service, {
    EmptyCall: (_call: ServerUnaryCall<Empty, Empty>, done: sendUnaryData<Empty>) => done(null, {}),
    UnaryCall: unary,
    StreamingInputCall: input,
    StreamingOutputCall: (call: ServerWritableStream<OutputRequest, Response>) => {
      for (const { size } of call.request.response_parameters ?? []) call.write({ payload: zeros(size) });
      call.end();
    },
    FullDuplexCall: (call: ServerDuplexStream<OutputRequest, Response>) => {
      call.on('cancelled', () => heard.emit('cancelled'));
      duplex(call);
    },
  });
  t.after(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, heard };
}

function unary(call: ServerUnaryCall<UnaryRequest, Response>, done: sendUnaryData<Response>): void {
  const { response_size = 0, response_status } = call.request;
  sendInitial(call);
  if (response_status != null) done({ code: response_status.code, details: response_status.message });
  else done(null, { payload: zeros(response_size) }, trailersFor(call));
}

function input(call: ServerReadableStream<InputRequest, InputResponse>, done: sendUnaryData<InputResponse>): void {
  let sum = 0;
  call.on('data', ({ payload }: InputRequest) => {
    sum += payload.body.length;
  });
  call.on('end', () => done(null, { aggregated_payload_size: sum }));
}

/** Answers each message with as many as it asks for; one that asks for a status gets that. */
function duplex(call: ServerDuplexStream<OutputRequest, Response>): void {
  sendInitial(call);
  call.on('data', ({ response_parameters = [], response_status }: OutputRequest) => {
    if (response_status != null) {
      call.emit('error', { code: response_status.code, details: response_status.message });
      return;
    }
    for (const { size } of response_parameters) call.write({ payload: zeros(size) });
  });
  call.on('end', () => call.end(trailersFor(call)));
}

function sendInitial(call: { readonly metadata: Metadata; sendMetadata(metadata: Metadata): void }): void {
  const initial = new Metadata();
  for (const value of call.metadata.get(INITIAL)) initial.add(INITIAL, value);
  call.sendMetadata(initial);
}

function trailersFor({ metadata }: { readonly metadata: Metadata }): Metadata {
  const trailers = new Metadata();
  for (const value of metadata.get(TRAILING)) trailers.add(TRAILING, value);
  return trailers;
}
