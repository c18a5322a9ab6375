// Frames that we write, byte by byte, and read again by our own reader.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  headersBound,
  writeDataHead,
  writeGoaway,
  writeHeaders,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../../../../../sidecar/http/h2/frames/frame-writer.ts';
import { FRAME_HEAD } from '../../../../../sidecar/http/h2/frames/frame-types.ts';
import { record } from './frames-recorder.ts';

const SETTINGS = Buffer.from('000000040000000000', 'hex');

function written(write: (out: Buffer, at: number) => number): string {
  const out = Buffer.alloc(100, 0xee);
  const end = write(out, 3);
  assert.equal(out[2], 0xee);
  assert.equal(out[end], 0xee);
  return out.toString('hex', 3, end);
}

it('the fixed frames', () => {
  const data = Buffer.from('000102030405060708', 'hex');
  const wanted: readonly (readonly [string, (out: Buffer, at: number) => number])[] = [
    ['000006 04 00 00000000 0004 ffffffff', (out, at) => writeSettings(out, at, [4, 0xffffffff])],
    ['00000c 04 00 00000000 0001 00000000 0005 00004000', (out, at) => writeSettings(out, at, [1, 0, 5, 16_384])],
    ['000000 04 01 00000000', writeSettingsAck],
    ['000008 06 00 00000000 0102030405060708', (out, at) => writePing(out, at, false, data, 1)],
    ['000008 06 01 00000000 0001020304050607', (out, at) => writePing(out, at, true, data, 0)],
    ['00000a 07 00 00000000 7fffffff 0000000b 6869', (out, at) => writeGoaway(out, at, 2 ** 31 - 1, 11, 'hi')],
    ['000008 07 00 00000000 00000001 00000000', (out, at) => writeGoaway(out, at, 1, 0)],
    ['000004 03 00 7fffffff 00000008', (out, at) => writeRstStream(out, at, 2 ** 31 - 1, 8)],
    ['000004 08 00 00000000 7fffffff', (out, at) => writeWindowUpdate(out, at, 0, 2 ** 31 - 1)],
    ['ffffff 00 01 01020304', (out, at) => writeDataHead(out, at, 2 ** 24 - 1, true, 0x01020304)],
    ['000000 00 00 00000003', (out, at) => writeDataHead(out, at, 0, false, 3)],
  ];
  for (const [bytes, write] of wanted) assert.equal(written(write), bytes.replaceAll(' ', ''));
});

it('a field block in as many frames as it takes, its bytes in order', () => {
  for (const length of [0, 1, 9, 10, 11, 20, 21, 25, 100]) {
    const block = Buffer.from(Array.from({ length }, (_, i) => i));
    const out = Buffer.alloc(2 + headersBound(length, 10), 0xee);
    block.copy(out, 2 + FRAME_HEAD);
    const end = writeHeaders(out, 2, 2 + FRAME_HEAD + length, true, 5, 10);
    assert.equal(end, out.length);
    const lengths = Array.from({ length: Math.max(1, Math.ceil(length / 10)) }, (_, i) =>
      out.readUIntBE(2 + 19 * i, 3),
    );
    assert.ok(lengths.every((size, i) => size === Math.min(10, length - 10 * i)));
    const events = record([SETTINGS, out.subarray(2)], { preface: false });
    assert.deepEqual(events.slice(1), [`HEADERS 5 ends: ${block.toString('hex')}`]);
  }
});
