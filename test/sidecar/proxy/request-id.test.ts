// Request ids are UUIDs of version 4, each another one, also past the end of the text they are cut from.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRequestId } from '../../../sidecar/proxy/request-id.ts';

test('a thousand ids are a thousand UUIDs of version 4', () => {
  const ids = Array.from({ length: 1000 }, newRequestId);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
  for (const digit of '0123456789abcdef')
    assert.ok(
      ids.some((id) => id.endsWith(digit)),
      `no id ends in ${digit}`,
    );
  assert.deepEqual([...new Set(ids.map((id) => id.charAt(19)))].sort(), ['8', '9', 'a', 'b']);
});
