// One stream, driven like a client would: order, make before break, refusals, back-pressure, bounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary } from '@bufbuild/protobuf';
import type { Snapshot } from '../../../discovery/xds/snapshot.ts';
import { AdsStream, HOLD_MS, MAX_NAMES, REQUEST_BURST, type StreamEnd } from '../../../discovery/xds/stream.ts';
import { NodeSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import {
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts';
import { byTypeUrl, CLUSTER, ENDPOINT, LISTENER, type ResourceType, ROUTE } from '../../../proto/resources.ts';
import { manualClock } from '../../manual-clock.ts';
import { snapshot } from './resources.ts';

type Rows = Parameters<typeof snapshot>[0];

function client(first: Rows, options: { readonly agent?: string; readonly full?: () => boolean } = {}) {
  const clock = manualClock();
  const ends: StreamEnd[] = [];
  const responses: DiscoveryResponse[] = [];
  const refused: string[] = [];
  const converged: number[] = [];
  let current: Snapshot = snapshot(first);
  const stream = new AdsStream({
    clock,
    peer: { id: 1, address: '127.0.0.1:1', identity: null, secure: false },
    wire: {
      write: (bytes) => {
        responses.push(fromBinary(DiscoveryResponseSchema, bytes));
        return !(options.full?.() ?? false);
      },
      end: (status) => ends.push(status),
    },
    events: {
      sent: () => {},
      acked: () => {},
      refused: (_type, _node, reason) => refused.push(reason),
      stale: () => {},
      converged: (ms) => converged.push(ms),
      turnedAway: () => {},
    },
    snapshotFor: () => current,
  });
  const node = create(NodeSchema, { id: 'n', userAgentName: options.agent ?? 'envoy' });
  const ask = (type: ResourceType, names: readonly string[], nonce = '', error: string | null = null) =>
    stream.receive({ typeUrl: type.typeUrl, node, names, nonce, version: '', error });
  return {
    stream,
    clock,
    ends,
    refused,
    converged,
    node,
    ask,
    /** What was sent since the last call: `CDS A,B`. */
    seen: () => responses.splice(0).map((response) => `${typeOf(response).shortName} ${namesOf(response)}`),
    take: () => responses.splice(0),
    ack: (response: DiscoveryResponse, names: readonly string[]) => ask(typeOf(response), names, response.nonce),
    publish: (rows: Rows) => {
      current = snapshot(rows);
      stream.refresh();
    },
  };
}

function typeOf(response: DiscoveryResponse): ResourceType {
  return byTypeUrl.get(response.typeUrl) as ResourceType;
}

function namesOf(response: DiscoveryResponse): string {
  return response.resources.map(({ value }) => Buffer.from(value).toString().replace(/=.*/, '')).join(',');
}

/** A client that asked for everything as Envoy does, and accepted it. */
function settled(first: Rows) {
  const one = client(first);
  const names = (type: ResourceType) => first.filter(([of]) => of === type).map(([, name]) => name);
  for (const type of [CLUSTER, ENDPOINT, LISTENER, ROUTE]) {
    const asked = type.fullState ? [] : names(type);
    one.ask(type, asked);
    for (const response of one.take()) one.ack(response, asked);
  }
  assert.deepEqual(one.seen(), []);
  return one;
}

const X: Rows = [
  [CLUSTER, 'X', '1'],
  [ENDPOINT, 'X', '1'],
  [LISTENER, 'l', '1'],
  [ROUTE, 'r', 'to X'],
];
const Y: Rows = [
  [CLUSTER, 'Y', '1'],
  [ENDPOINT, 'Y', '1'],
  [LISTENER, 'l', '1'],
  [ROUTE, 'r', 'to Y'],
];

test('each type is answered when asked, with its type, a fresh nonce and a version', () => {
  const one = client(X);
  one.ask(CLUSTER, []);
  one.ask(ENDPOINT, ['X']);
  const [clusters, endpoints] = one.take();
  assert.equal(clusters?.typeUrl, CLUSTER.typeUrl);
  assert.notEqual(clusters?.nonce, endpoints?.nonce);
  assert.match(clusters?.versionInfo ?? '', /^[0-9a-f]{16}$/);
  assert.equal(clusters?.controlPlane?.identifier, 'fairlead');
});

test('27: nothing is said when nothing changed', () => {
  const one = settled(X);
  one.publish(X);
  assert.deepEqual(one.seen(), []);
});

test('34, 28: one unanswered response per type; then the newest state only', () => {
  const one = settled(X);
  one.publish([[ENDPOINT, 'X', '2'], ...X.filter(([type]) => type !== ENDPOINT)]);
  const [first] = one.take();
  one.publish([[ENDPOINT, 'X', '3'], ...X.filter(([type]) => type !== ENDPOINT)]);
  one.publish([[ENDPOINT, 'X', '4'], ...X.filter(([type]) => type !== ENDPOINT)]);
  assert.deepEqual(one.seen(), []);
  one.ack(first as DiscoveryResponse, ['X']);
  const [second] = one.take();
  assert.equal(Buffer.from(second?.resources[0]?.value ?? []).toString(), 'X=4');
});

test('76: a cluster is swapped without a moment in which a route leads nowhere', () => {
  const one = settled(X);
  one.publish(Y);
  const [clusters] = one.take();
  assert.equal(namesOf(clusters as DiscoveryResponse), 'Y,X');
  one.ack(clusters as DiscoveryResponse, []);
  assert.deepEqual(one.seen(), []);
  one.ask(ENDPOINT, ['X', 'Y'], '2');
  const [endpoints] = one.take();
  assert.equal(namesOf(endpoints as DiscoveryResponse), 'Y');
  one.ack(endpoints as DiscoveryResponse, ['X', 'Y']);
  const [routes] = one.take();
  assert.equal(Buffer.from(routes?.resources[0]?.value ?? []).toString(), 'r=to Y');
  one.ack(routes as DiscoveryResponse, ['r']);
  assert.deepEqual(one.seen(), ['CDS Y']);
});

test('a client that does not ask for the new endpoints holds routes back for a moment only', () => {
  const one = settled(X);
  one.publish(Y);
  for (const response of one.take()) one.ack(response, []);
  assert.deepEqual(one.seen(), []);
  one.clock.advance(HOLD_MS);
  assert.deepEqual(one.seen(), ['RDS r']);
});

test('a cluster stays as long as the client refuses the routes that no longer name it', () => {
  const one = settled(X);
  one.publish(Y);
  one.ack(one.take()[0] as DiscoveryResponse, []);
  one.ask(ENDPOINT, ['X', 'Y'], '2');
  one.ack(one.take()[0] as DiscoveryResponse, ['X', 'Y']);
  const [routes] = one.take();
  one.ask(ROUTE, ['r'], routes?.nonce, 'r: no good');
  assert.deepEqual(one.seen(), []);
  assert.deepEqual(one.refused, ['r: no good']);
});

test('75: routes are held back only for clients that take all clusters', () => {
  const one = client(X, { agent: 'gRPC grpc-node' });
  one.ask(LISTENER, ['l']);
  one.ask(ROUTE, ['r']);
  one.ask(CLUSTER, ['X']);
  one.ask(ENDPOINT, ['X']);
  const names = { LDS: 'l', RDS: 'r', CDS: 'X', EDS: 'X' } as Record<string, string>;
  for (const response of one.take()) one.ack(response, [names[typeOf(response).shortName] as string]);
  one.publish(Y);
  assert.deepEqual(one.seen(), ['RDS r']);
});

test('after a cluster changed, its endpoints are sent again behind it', () => {
  const one = settled(X);
  one.publish([[CLUSTER, 'X', '2'], ...X.slice(1)]);
  assert.deepEqual(one.seen(), ['CDS X', 'EDS X']);
});

test('77: endpoints are answered for every name, with an empty set when there is none', () => {
  const one = client(X);
  one.ask(ENDPOINT, ['X', 'none']);
  const [response] = one.take();
  assert.equal(response?.resources.length, 2);
});

test('19: a refused response is not sent again until something changes', () => {
  const one = client(X);
  one.ask(CLUSTER, []);
  const [response] = one.take();
  one.ask(CLUSTER, [], response?.nonce, 'X: bad');
  assert.deepEqual(one.seen(), []);
  assert.deepEqual(
    one.stream.status().types[0]?.refused.map(({ name, reason }) => `${name}: ${reason}`),
    ['X: X: bad'],
  );
  assert.equal(one.stream.status().types[0]?.state, 'refused');
  one.publish([[CLUSTER, 'X', '2'], ...X.slice(1)]);
  assert.deepEqual(one.seen(), ['CDS X']);
});

test('a full wire takes no more; when it drains the newest state goes out', () => {
  let full = false;
  const one = client(X, { full: () => full });
  one.ask(CLUSTER, []);
  one.ask(ENDPOINT, ['X']);
  for (const response of one.take()) one.ack(response, typeOf(response) === CLUSTER ? [] : ['X']);
  full = true;
  one.publish([[CLUSTER, 'X', '2'], [ENDPOINT, 'X', '2'], ...X.slice(2)]);
  assert.deepEqual(one.seen(), ['CDS X']);
  one.publish([[CLUSTER, 'X', '2'], [ENDPOINT, 'X', '3'], ...X.slice(2)]);
  full = false;
  one.stream.drained();
  const [endpoints] = one.take();
  assert.equal(Buffer.from(endpoints?.resources[0]?.value ?? []).toString(), 'X=3');
});

test('convergence is measured from the change to the last acceptance', () => {
  const one = settled(X);
  one.publish([[ENDPOINT, 'X', '2'], ...X.filter(([type]) => type !== ENDPOINT)]);
  one.clock.advance(40);
  one.ack(one.take()[0] as DiscoveryResponse, ['X']);
  assert.deepEqual(one.converged, [40]);
});

test('3, 6: a stream without type or node is ended; a type that we do not serve is not', () => {
  const without = client(X);
  without.stream.receive({ typeUrl: CLUSTER.typeUrl, node: null, names: [], nonce: '', version: '', error: null });
  assert.equal(without.ends[0]?.code, 'INVALID_ARGUMENT');
  const untyped = client(X);
  untyped.stream.receive({ typeUrl: '', node: untyped.node, names: [], nonce: '', version: '', error: null });
  assert.equal(untyped.ends[0]?.code, 'INVALID_ARGUMENT');
  const runtime = client(X);
  runtime.stream.receive({
    typeUrl: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
    node: runtime.node,
    names: ['a'],
    nonce: '',
    version: '',
    error: null,
  });
  assert.deepEqual([runtime.ends, runtime.seen()], [[], []]);
});

test('a client that asks without end, or for everything by name, is ended', () => {
  const one = client(X);
  for (let i = 0; i <= REQUEST_BURST; i++) one.ask(CLUSTER, [], 'stale');
  assert.equal(one.ends[0]?.code, 'RESOURCE_EXHAUSTED');
  const two = client(X);
  two.ask(
    ENDPOINT,
    Array.from({ length: MAX_NAMES + 1 }, (_, i) => `n${i}`),
  );
  assert.equal(two.ends[0]?.code, 'RESOURCE_EXHAUSTED');
});
