// Whether an assignment names any endpoint, read from the bytes alone: as a whole decoding would say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { ENDPOINT } from '../../../proto/resources.ts';
import { holdsEndpoints } from '../../../sidecar/xds/ads-messages.ts';
import { assignmentJson, bytesOf } from './messages.ts';

const EMPTY_LOCALITY = { locality: { region: 'here', zone: 'a' }, load_balancing_weight: 3, priority: 1 };
const [FULL_LOCALITY] = assignmentJson('a', [['127.0.0.1', 80]])['endpoints'] as [JsonObject];

const CASES: readonly (readonly [string, JsonObject, boolean])[] = [
  ['no locality', { cluster_name: 'a' }, false],
  ['a locality without endpoints', { cluster_name: 'a', endpoints: [EMPTY_LOCALITY] }, false],
  ['an endpoint', { cluster_name: 'a', endpoints: [FULL_LOCALITY] }, true],
  ['an endpoint in the second locality', { cluster_name: 'a', endpoints: [EMPTY_LOCALITY, FULL_LOCALITY] }, true],
  [
    'no endpoint, but a policy',
    { cluster_name: 'a', endpoints: [EMPTY_LOCALITY], policy: { overprovisioning_factor: 200 } },
    false,
  ],
];

for (const [name, json, expected] of CASES) {
  test(name, () => assert.equal(holdsEndpoints(bytesOf(ENDPOINT, json)), expected));
}

test('what cannot be read may hold some: the judge will say', () => {
  const bytes = bytesOf(ENDPOINT, { cluster_name: 'a', endpoints: [EMPTY_LOCALITY] });
  assert.equal(holdsEndpoints(bytes.subarray(0, -1)), true);
  assert.equal(holdsEndpoints(Uint8Array.of(0xff)), true);
});
