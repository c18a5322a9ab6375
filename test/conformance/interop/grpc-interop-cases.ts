// gRPC's interop cases (grpc/doc/interop-test-descriptions.md), by their names there: what each sends, and what
// must come back. All but those that need a cloud's credentials, and those of load balancers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientUnaryCall,
  Metadata,
  type requestCallback,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import {
  type Empty,
  INITIAL,
  type InputResponse,
  type InteropClients,
  type InteropOrigin,
  type OutputRequest,
  type Response,
  TRAILING,
  zeros,
} from './grpc-interop-service.ts';

const UP = [27_182, 8, 1828, 45_904] as const;
const DOWN = [31_415, 9, 2653, 58_979] as const;
const LARGE_UP = 271_828;
const LARGE_DOWN = 314_159;
const WHITESPACE = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
/** No case takes so long; it only keeps a call that hangs from hanging the tests. */
const LONG_MS = 30_000;

export type InteropCase = (clients: InteropClients, origin: InteropOrigin) => Promise<void>;

export const INTEROP_CASES: Readonly<Record<string, InteropCase>> = {
  async empty_unary({ test }) {
    const { answer, end } = await unaryCall((...rest) => test.EmptyCall({}, ...rest));
    assert.deepEqual([end.code, answer], [status.OK, {}]);
  },

  async large_unary({ test }) {
    const request = { response_size: LARGE_DOWN, payload: zeros(LARGE_UP) };
    const { answer, end } = await unaryCall<Response>((...rest) => test.UnaryCall(request, ...rest));
    assert.equal(end.code, status.OK, end.details);
    isZeros(answer, LARGE_DOWN);
  },

  async client_streaming({ test }) {
    const { promise, resolve, reject } = Promise.withResolvers<InputResponse | undefined>();
    const call = test.StreamingInputCall((error, answer) => (error === null ? resolve(answer) : reject(error)));
    for (const size of UP) call.write({ payload: zeros(size) });
    call.end();
    assert.deepEqual(await promise, { aggregated_payload_size: 74_922 });
  },

  async server_streaming({ test }) {
    const call = test.StreamingOutputCall({ response_parameters: DOWN.map((size) => ({ size })) });
    const over = endOf(call);
    const sizes: number[] = [];
    for await (const { payload } of call as AsyncIterable<Response>) sizes.push(payload.body.length);
    assert.deepEqual([sizes, (await over).code], [[...DOWN], status.OK]);
  },

  async ping_pong({ test }) {
    const call = test.FullDuplexCall(new Metadata(), { deadline: Date.now() + LONG_MS });
    const over = endOf(call);
    for (const [i, size] of DOWN.entries()) isZeros(await ask(call, UP[i] as number, size), size);
    call.end();
    assert.equal((await rest(call)).length, 0);
    assert.equal((await over).code, status.OK);
  },

  async empty_stream({ test }) {
    const call = test.FullDuplexCall();
    const over = endOf(call);
    call.end();
    assert.equal((await rest(call)).length, 0);
    assert.equal((await over).code, status.OK);
  },

  async cancel_after_begin({ test }) {
    const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
    const call = test.StreamingInputCall((error) => resolve(error));
    call.cancel();
    assert.equal((await promise)?.code, status.CANCELLED);
  },

  async cancel_after_first_response({ test }, { heard }) {
    const call = test.FullDuplexCall(new Metadata(), { deadline: Date.now() + LONG_MS });
    const over = endOf(call);
    isZeros(await ask(call, UP[0], DOWN[0]), DOWN[0]);
    const seen = once(heard, 'cancelled');
    call.cancel();
    assert.equal((await over).code, status.CANCELLED);
    await seen;
  },

  async timeout_on_sleeping_server({ test }) {
    const call = test.FullDuplexCall(new Metadata(), { deadline: Date.now() + 1 });
    const over = endOf(call);
    call.write({ payload: zeros(UP[0]) });
    assert.equal((await over).code, status.DEADLINE_EXCEEDED);
  },

  status_code_and_message: ({ test }) => failsBothWays(test, 'test status message'),
  special_status_message: ({ test }) => failsBothWays(test, WHITESPACE),

  async unimplemented_method({ test }) {
    const { end } = await unaryCall((...rest) => test.UnimplementedCall({}, ...rest));
    assert.equal(end.code, status.UNIMPLEMENTED, end.details);
  },

  async unimplemented_service({ unimplemented }) {
    const { end } = await unaryCall((...rest) => unimplemented.UnimplementedCall({}, ...rest));
    assert.equal(end.code, status.UNIMPLEMENTED, end.details);
  },

  async custom_metadata({ test }) {
    const metadata = new Metadata();
    metadata.set(INITIAL, 'test_initial_metadata_value');
    metadata.set(TRAILING, Buffer.from('ababab', 'hex'));
    const request = { response_size: LARGE_DOWN, payload: zeros(LARGE_UP) };
    const said = await unaryCall<Response>((_none, ...rest) => test.UnaryCall(request, metadata, ...rest));
    isZeros(said.answer, LARGE_DOWN);
    echoes(said.initial, said.end);

    const call = test.FullDuplexCall(metadata, { deadline: Date.now() + LONG_MS });
    const initial = once(call, 'metadata') as Promise<[Metadata]>;
    const over = endOf(call);
    isZeros(await ask(call, LARGE_UP, LARGE_DOWN), LARGE_DOWN);
    call.end();
    assert.equal((await rest(call)).length, 0);
    echoes((await initial)[0], await over);
  },
};

function echoes(initial: Metadata, { code, metadata }: StatusObject): void {
  assert.equal(code, status.OK);
  assert.deepEqual(initial.get(INITIAL), ['test_initial_metadata_value']);
  assert.deepEqual(metadata.get(TRAILING), [Buffer.from('ababab', 'hex')]);
}

/** A status that the service was asked for, from a unary call and from a stream. */
async function failsBothWays(test: InteropClients['test'], message: string): Promise<void> {
  const response_status = { code: status.UNKNOWN, message };
  const { end } = await unaryCall<Response>((...rest) => test.UnaryCall({ response_status }, ...rest));
  assert.deepEqual([end.code, end.details], [status.UNKNOWN, message]);
  const call = test.FullDuplexCall(new Metadata(), { deadline: Date.now() + LONG_MS });
  const over = endOf(call);
  call.write({ response_status });
  call.end();
  const streamed = await over;
  assert.deepEqual([streamed.code, streamed.details], [status.UNKNOWN, message]);
}

interface Said<A> {
  readonly answer: A | undefined;
  readonly initial: Metadata;
  readonly end: StatusObject;
}

type Begin<A> = (metadata: Metadata, options: Partial<CallOptions>, done: requestCallback<A>) => ClientUnaryCall;

async function unaryCall<A = Empty>(begin: Begin<A>): Promise<Said<A>> {
  let initial = new Metadata();
  const { promise, resolve } = Promise.withResolvers<A | undefined>();
  const call = begin(new Metadata(), { deadline: Date.now() + LONG_MS }, (_error, answer) => resolve(answer));
  call.on('metadata', (fields: Metadata) => {
    initial = fields;
  });
  const [end] = (await once(call, 'status')) as [StatusObject];
  return { answer: await promise, initial, end };
}

/** How a call ends. A failure is told as an error too, which is no other news. */
async function endOf(call: {
  on(event: 'error', heard: () => void): unknown;
  once(event: 'status', heard: (end: StatusObject) => void): unknown;
}): Promise<StatusObject> {
  const { promise, resolve } = Promise.withResolvers<StatusObject>();
  call.on('error', () => {});
  call.once('status', resolve);
  return promise;
}

/** Sends one message and waits for its answer. */
async function ask(call: ClientDuplexStream<OutputRequest, Response>, up: number, down: number): Promise<Response> {
  call.write({ response_parameters: [{ size: down }], payload: zeros(up) });
  const [answer] = (await once(call, 'data')) as [Response];
  return answer;
}

/** What still comes, until the end. */
async function rest(call: ClientDuplexStream<OutputRequest, Response>): Promise<Response[]> {
  const found: Response[] = [];
  call.on('data', (answer: Response) => found.push(answer));
  await once(call, 'end');
  return found;
}

function isZeros(answer: Response | undefined, size: number): void {
  assert.ok(answer?.payload.body.equals(Buffer.alloc(size)), `${answer?.payload.body.length} bytes and not ${size}`);
}
