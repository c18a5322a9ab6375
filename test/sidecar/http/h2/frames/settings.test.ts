// Which settings are taken, and the code of each that is not.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorName } from '../../../../../sidecar/http/h2/frames/error-codes.ts';
import { FRAME_HEAD } from '../../../../../sidecar/http/h2/frames/frame-types.ts';
import { writeSettings } from '../../../../../sidecar/http/h2/frames/frame-writer.ts';
import { readSettings, SETTINGS_IN_A_FRAME } from '../../../../../sidecar/http/h2/frames/settings.ts';

function read(pairs: readonly number[], fromServer = false): { code: string; taken: number[] } {
  const out = Buffer.alloc(1000);
  const end = writeSettings(out, 0, pairs);
  const taken: number[] = [];
  const code = readSettings(out, FRAME_HEAD, end, fromServer, { onSetting: (id, value) => taken.push(id, value) });
  return { code: errorName(code), taken };
}

it('what is allowed is told in order, unknown ids too', () => {
  const all = [
    1,
    0,
    1,
    2 ** 32 - 1,
    2,
    0,
    2,
    1,
    3,
    0,
    4,
    2 ** 31 - 1,
    5,
    16_384,
    5,
    2 ** 24 - 1,
    6,
    0,
    8,
    0,
    8,
    1,
    0x99,
    7,
  ];
  assert.deepEqual(read(all), { code: 'NO_ERROR', taken: all });
  assert.deepEqual(read([]), { code: 'NO_ERROR', taken: [] });
});

it('the first that is not ends it', () => {
  const wanted: readonly (readonly [number, number, string])[] = [
    [2, 2, 'PROTOCOL_ERROR'],
    [4, 2 ** 31, 'FLOW_CONTROL_ERROR'],
    [5, 16_383, 'PROTOCOL_ERROR'],
    [5, 2 ** 24, 'PROTOCOL_ERROR'],
    [8, 2, 'PROTOCOL_ERROR'],
  ];
  for (const [id, value, code] of wanted) assert.deepEqual(read([3, 1, id, value, 3, 2]), { code, taken: [3, 1] });
});

it('a server does not enable push', () => {
  assert.equal(read([2, 1], true).code, 'PROTOCOL_ERROR');
  assert.equal(read([2, 0], true).code, 'NO_ERROR');
});

it('as many as one frame may hold', () => {
  const pairs = (count: number) => Array.from({ length: count }, () => [3, 1]).flat();
  assert.equal(read(pairs(SETTINGS_IN_A_FRAME)).code, 'NO_ERROR');
  assert.deepEqual(read(pairs(SETTINGS_IN_A_FRAME + 1)), { code: 'ENHANCE_YOUR_CALM', taken: [] });
});

it('a code without a name is its number', () => {
  assert.equal(errorName(0x1234), '0x1234');
});
