// Messages are counted by their five bytes, however these are cut, and nothing of them is kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as holds, array, nat, property, uint8Array } from 'fast-check';
import { GrpcStats } from '../../../sidecar/telemetry/cells/grpc.ts';
import { GrpcCall, MessageCounter } from '../../../sidecar/telemetry/grpc-call.ts';

function message(body: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

test('messages of any lengths in pieces of any lengths', () => {
  void holds(
    property(array(uint8Array({ maxLength: 40 }), { maxLength: 20 }), array(nat(12), { minLength: 1 }), (all, cuts) => {
      const bytes = Buffer.concat(all.map(message));
      const counter = new MessageCounter();
      let counted = 0;
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + (cuts[i % cuts.length] as number) + (i % cuts.length === 0 ? 1 : 0);
        counted += counter.begun(bytes.subarray(at, end));
        at = end;
      }
      assert.equal(counted, all.length);
    }),
  );
});

test('a message counts from its first byte on; what it announces is waited for, not kept', () => {
  const counter = new MessageCounter();
  assert.equal(counter.begun(Buffer.from([0])), 1);
  assert.equal(counter.begun(Buffer.from([255, 255, 255])), 0);
  assert.equal(counter.begun(Buffer.from([255])), 0);
  const piece = Buffer.alloc(64 * 1024);
  const pieces = Math.floor((2 ** 32 - 1) / piece.length);
  for (let i = 0; i < pieces; i++) assert.equal(counter.begun(piece), 0);
  assert.equal(counter.begun(Buffer.alloc(piece.length - 1)), 0);
  assert.equal(counter.begun(Buffer.alloc(1)), 1);
});

test('messages without a byte', () => {
  assert.equal(new MessageCounter().begun(Buffer.alloc(5 * 1000)), 1000);
});

test('what is no answer of gRPC has no messages', () => {
  const cell = new GrpcStats();
  const call = new GrpcCall(cell, {});
  call.requestBytes(message(Buffer.alloc(3)));
  call.responseBytes(Buffer.from('404 not found'));
  call.answered = true;
  call.responseBytes(message(Buffer.alloc(3)));
  assert.deepEqual([cell.request_message_count, cell.response_message_count], [1, 1]);
});
