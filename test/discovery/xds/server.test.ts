import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  ADMISSION_BURST,
  ADMISSIONS_PER_SECOND,
  AdsHub,
  type HubOptions,
  MAX_STREAMS,
} from '../../../discovery/xds/server.ts';
import { NodeSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { DiscoveryRequestSchema } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { CLUSTER } from '../../../proto/resources.ts';
import { manualClock } from '../../manual-clock.ts';
import { snapshot } from './resources.ts';

/** The server's end of a call, as far as the hub uses it. */
class FakeCall extends EventEmitter {
  readonly written: Buffer[] = [];
  readonly failures: number[] = [];

  constructor() {
    super();
    this.on('error', ({ code }: { code: number }) => this.failures.push(code));
  }
  getPeer() {
    return '127.0.0.1:1';
  }
  write(bytes: Buffer) {
    this.written.push(bytes);
    return true;
  }
  end() {}
}

function hub(identityOf: HubOptions['identityOf'] = () => null) {
  const clock = manualClock();
  const turnedAway: string[] = [];
  let current = snapshot([[CLUSTER, 'A', '1']]);
  const nothing = () => {};
  const made = new AdsHub({
    clock,
    events: {
      sent: nothing,
      acked: nothing,
      refused: nothing,
      stale: nothing,
      converged: nothing,
      turnedAway: (reason) => turnedAway.push(reason),
    },
    snapshotFor: () => current,
    identityOf,
  });
  const { implementation } = made.service(false);
  const open = (method = 'streamAggregatedResources') => {
    const call = new FakeCall();
    (implementation[method] as (call: unknown) => void)(call);
    return call;
  };
  const publish = (content: string) => {
    current = snapshot([[CLUSTER, 'A', content]]);
    made.announce();
  };
  return { made, clock, turnedAway, open, publish };
}

function request(responseNonce = ''): Buffer {
  const node = create(NodeSchema, { id: 'n', userAgentName: 'envoy' });
  return Buffer.from(
    toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { node, typeUrl: CLUSTER.typeUrl, responseNonce })),
  );
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('new streams are admitted at a bounded rate, the rest are asked to come back', () => {
  const { open, clock, turnedAway } = hub();
  const calls = Array.from({ length: ADMISSION_BURST + 1 }, () => open());
  assert.deepEqual(calls.at(-1)?.failures, [status.UNAVAILABLE]);
  assert.equal(turnedAway.length, 1);
  clock.advance(1000 / ADMISSIONS_PER_SECOND + 1);
  assert.deepEqual(open().failures, []);
});

test('a change is told to every stream, also when there are more than fit in one turn', async () => {
  const { open, publish } = hub();
  const calls = Array.from({ length: 120 }, () => open());
  for (const call of calls) {
    call.emit('data', request());
    call.emit('data', request('1'));
  }
  publish('2');
  publish('3');
  for (let i = 0; i < 10; i++) await turn();
  for (const call of calls) call.emit('data', request('2'));
  const last = new Set(
    calls.map(
      ({ written }) =>
        written
          .at(-1)
          ?.toString('latin1')
          .match(/A=(\d)/)?.[1],
    ),
  );
  assert.deepEqual([...last], ['3']);
});

test('G12: ten thousand streams are open at once, one more is asked to come back, and all hear of a change', async () => {
  const { open, clock, publish, turnedAway } = hub();
  const calls = Array.from({ length: MAX_STREAMS }, () => {
    clock.advance(1000 / ADMISSIONS_PER_SECOND);
    return open();
  });
  clock.advance(1000);
  assert.deepEqual(open().failures, [status.UNAVAILABLE]);
  assert.match(turnedAway.join(), /^more than 10000 streams are open$/);
  for (const call of calls) {
    call.emit('data', request());
    call.emit('data', request('1'));
  }
  publish('2');
  while (calls.at(-1)?.written.length === 1) await turn();
  assert.deepEqual(new Set(calls.map(({ written }) => written.length)), new Set([2]));
});

test('S05: a stream ends with the certificate that opened it', () => {
  let untilMs = 0;
  const { made, clock, open } = hub(() => ({ uri: 'spiffe://a/b', untilMs }));
  untilMs = clock.wall() + 60_000;
  const [stays, leaves] = [open(), open()];
  leaves.emit('cancelled');
  clock.advance(59_000);
  assert.deepEqual(stays.failures, []);
  clock.advance(1_000);
  assert.deepEqual([stays.failures, leaves.failures], [[status.UNAVAILABLE], []]);
  assert.equal(made.size, 0);
  assert.equal(clock.pending, 0);
});

test('a client that left is forgotten', () => {
  const { made, open } = hub();
  const call = open();
  call.emit('data', request());
  assert.equal(made.clients().length, 1);
  call.emit('cancelled');
  assert.equal(made.clients().length, 0);
});

test('bytes that are no request end the stream; the incremental variant says that it is not served', () => {
  const { open } = hub();
  const call = open();
  call.emit('data', Buffer.from([0xff, 0xff, 0xff]));
  assert.deepEqual(call.failures, [status.INVALID_ARGUMENT]);
  assert.deepEqual(open('deltaAggregatedResources').failures, [status.UNIMPLEMENTED]);
});
