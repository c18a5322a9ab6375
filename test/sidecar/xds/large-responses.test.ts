// Large responses are decoded in slices: the same comes of them, in the same order, and others get their turn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER, ENDPOINT } from '../../../proto/resources.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import { decodeBytes, nameOf } from '../../../sidecar/xds/decode/resource.ts';
import { createIpcSource, packUpdate } from '../../../sidecar/xds/ipc-source.ts';
import { Resources } from '../../../sidecar/xds/resources.ts';
import type { ResourceUpdate } from '../../../sidecar/xds/source.ts';
import { manualClock } from '../../manual-clock.ts';
import { assignmentJson, bytesOf, clusterJson, decode, edsClusterJson } from './messages.ts';

/** Time passes with each look at it, so that every step is a slice of its own. */
function slowClock() {
  let now = 0;
  return { ...manualClock(), now: () => (now += 10) };
}

function newResources(): Resources {
  return new Resources({
    fixed: EMPTY_SNAPSHOT,
    allowUnsupported: false,
    clock: slowClock(),
    wildcard: { listeners: true, clusters: true },
    ownSecrets: new Set(),
    warn: () => undefined,
  });
}

function hosts(count: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`127.1.${i >> 8}.${i & 255}`, 8080]);
}

function assignments(name: string, list: readonly JsonObject[]): ResourceUpdate {
  const changed = list.map((json) => ({ name, version: '1', bytes: bytesOf(ENDPOINT, json) }));
  return { type: ENDPOINT, changed, removed: [], complete: false };
}

const zone = (name: string, count: number, more: JsonObject = {}): JsonObject => {
  const [locality] = assignmentJson('a', hosts(count))['endpoints'] as JsonObject[];
  return { ...locality, locality: { region: 'r', zone: name }, ...more };
};
const endpoint = (more: JsonObject) => ({ lb_endpoints: [{ endpoint: more }] });

const CASES: Readonly<Record<string, JsonObject>> = {
  'nothing but a name': { cluster_name: 'a' },
  'several localities, priorities, an empty one': {
    cluster_name: 'a',
    endpoints: [zone('x', 120), zone('y', 3, { priority: 1, load_balancing_weight: 7 }), zone('z', 0)],
  },
  'a policy': { cluster_name: 'a', endpoints: [zone('x', 1)], policy: { overprovisioning_factor: 200 } },
  'no address': { cluster_name: 'a', endpoints: [zone('x', 2), endpoint({})] },
  'a port too high': {
    cluster_name: 'a',
    endpoints: [endpoint({ address: { socket_address: { address: '127.0.0.1', port_value: 70_000 } } })],
  },
  'a name where an address belongs': {
    cluster_name: 'a',
    endpoints: [endpoint({ address: { socket_address: { address: 'x.test', port_value: 1 } } })],
  },
  'a weight of none': { cluster_name: 'a', endpoints: [{ lb_endpoints: [{ load_balancing_weight: 0 }] }] },
  'no name': { endpoints: [zone('x', 1)] },
};

for (const [what, json] of Object.entries(CASES)) {
  test(`an assignment decodes from its parts as from the message: ${what}`, () => {
    const whole = decode(ENDPOINT, json);
    const parts = decodeBytes(ENDPOINT.schema, bytesOf(ENDPOINT, json), { allowUnsupported: false });
    assert.equal(parts.ok, whole.ok);
    if (parts.ok && whole.ok) assert.deepEqual(parts.value, whole.value);
    else if (!parts.ok && !whole.ok) assert.deepEqual(new Set(parts.problems), new Set(whole.problems));
  });
}

test('bytes that break off inside an endpoint refuse the assignment', () => {
  const bytes = bytesOf(ENDPOINT, { cluster_name: 'a', endpoints: [zone('x', 3)] });
  const decoded = decodeBytes(ENDPOINT.schema, bytes.subarray(0, bytes.length - 2), { allowUnsupported: false });
  assert.ok(!decoded.ok);
  assert.match(
    decoded.problems[0]?.reason ?? '',
    /^cannot be read as envoy\.config\.endpoint\.v3\.ClusterLoadAssignment: /,
  );
});

test('a name is read alone, the last one where it stands twice, none where the bytes are broken', () => {
  const bytes = bytesOf(ENDPOINT, { cluster_name: 'a', endpoints: [zone('x', 3)] });
  const other = bytesOf(ENDPOINT, { cluster_name: 'b' });
  assert.equal(nameOf(ENDPOINT.schema, bytes), 'a');
  assert.equal(nameOf(ENDPOINT.schema, Buffer.concat([bytes, other])), 'b');
  assert.equal(nameOf(ENDPOINT.schema, bytes.subarray(0, bytes.length - 1)), null);
  assert.equal(nameOf(ENDPOINT.schema, new Uint8Array()), '');
});

test('others get their turn while a large assignment is prepared, and it is judged as ever', async () => {
  const resources = newResources();
  resources.judge({ ...assignments('a', []), type: CLUSTER, changed: [named('a', edsClusterJson('a'))] });
  const update = assignments('a', [{ cluster_name: 'a', endpoints: [zone('x', 1000)] }]);
  let turns = 0;
  const count = () => {
    turns++;
    again = setImmediate(count);
  };
  let again = setImmediate(count);
  await resources.prepare(ENDPOINT, update.changed);
  clearImmediate(again);
  assert.ok(turns >= 20, `${turns} turns for 1000 endpoints, 50 in a step`);
  assert.equal(resources.snapshot.value.endpoints.size, 0, 'preparing changes nothing');
  assert.deepEqual(resources.judge(update), []);
  assert.equal(resources.snapshot.value.endpoints.get('a')?.localities[0]?.endpoints.length, 1000);
  assert.equal(resources.prepare(ENDPOINT, update.changed), null, 'what is in force is not decoded again');
});

const named = (name: string, json: JsonObject) => ({ name, version: '1', bytes: bytesOf(CLUSTER, json) });

test('what was prepared and is wrong is refused by name', async () => {
  const resources = newResources();
  const bad = { lb_endpoints: [{ endpoint: {} }] };
  const update = assignments('a', [{ cluster_name: 'a', endpoints: [zone('x', 1000), bad] }]);
  await resources.prepare(ENDPOINT, update.changed);
  assert.deepEqual(
    resources.judge(update).map(({ name, field }) => ({ name, field })),
    [{ name: 'a', field: 'endpoints[1].lb_endpoints[0].endpoint.address' }],
  );
});

test('small responses are judged at once', () => {
  assert.equal(newResources().prepare(ENDPOINT, assignments('a', [assignmentJson('a', hosts(10))]).changed), null);
});

test('updates between threads keep their order while a large one is prepared', async () => {
  const resources = newResources();
  resources.judge({ ...assignments('a', []), type: CLUSTER, changed: [named('a', edsClusterJson('a'))] });
  const source = createIpcSource(resources.prepare, (names) => assert.fail(`${names}`));
  source.source(resources.judge, resources.wanted);
  const seen: (number | undefined)[] = [];
  const judged = () =>
    seen.push(resources.snapshot.value.endpoints.get('a')?.localities.flatMap(({ endpoints }) => endpoints).length);
  source.deliver(packUpdate(assignments('a', [{ cluster_name: 'a', endpoints: [zone('x', 1000)] }])), judged);
  assert.deepEqual(seen, [], 'it is being prepared');
  source.deliver(packUpdate(assignments('a', [{ cluster_name: 'a', endpoints: [zone('x', 900)] }])), judged);
  await new Promise<void>((resolve) => {
    source.deliver(packUpdate(assignments('a', [assignmentJson('a', hosts(2))])), () => {
      judged();
      resolve();
    });
  });
  assert.deepEqual(seen, [1000, 900, 2]);
  source.deliver(packUpdate(assignments('a', [assignmentJson('a', hosts(3))])), judged);
  assert.deepEqual(seen, [1000, 900, 2, 3], 'small ones at once again');
});

test('clusters are prepared one by one', async () => {
  const resources = newResources();
  const all = Array.from({ length: 300 }, (_, i) => named(`c${i}`, clusterJson(`c${i}`)));
  await resources.prepare(CLUSTER, all);
  assert.deepEqual(resources.judge({ type: CLUSTER, changed: all, removed: [], complete: true }), []);
  assert.equal(resources.snapshot.value.clusters.size, 300);
});
