// What came early comes out as it came in, and costs little however small its pieces are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EarlyBytes } from '../../../sidecar/http/early-bytes.ts';

const MOST = 64 * 1024;

test('whatever the pieces, all of their bytes in order, and again after they were taken', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 40 });
  fc.assert(
    fc.property(pieces, pieces, (first, second) => {
      const early = new EarlyBytes(MOST);
      for (const some of [first, second]) {
        for (const piece of some) early.append(Buffer.from(piece));
        const whole = Buffer.concat(some);
        assert.equal(early.length, whole.length);
        assert.deepEqual(early.take(), whole);
        assert.equal(early.length, 0);
      }
    }),
  );
});

test('a piece that came alone is not copied, and never written to', () => {
  const early = new EarlyBytes(MOST);
  const memory = Buffer.from('one and what is not ours');
  early.append(memory.subarray(0, 3));
  early.append(Buffer.from(', two'));
  assert.equal(early.take().toString(), 'one, two');
  assert.equal(memory.toString(), 'one and what is not ours');
  early.append(memory);
  assert.equal(early.take().buffer, memory.buffer);
});

test('byte by byte, each is copied a few times at most', (t) => {
  let copied = 0;
  const copy = Buffer.prototype.copy;
  t.mock.method(Buffer.prototype, 'copy', function counted(this: Buffer, ...given: Parameters<typeof copy>) {
    const count = copy.apply(this, given);
    copied += count;
    return count;
  });
  const early = new EarlyBytes(MOST);
  for (let i = 0; i < MOST; i++) early.append(Buffer.of(i & 255));
  assert.ok(copied >= MOST && copied < 4 * MOST, `${copied} bytes copied`);
  assert.equal(early.take().length, MOST);
});

test('no more memory is taken than twice what came, nor more than is spared', () => {
  const early = new EarlyBytes(1000);
  early.append(Buffer.alloc(400));
  early.append(Buffer.alloc(100));
  assert.equal(early.take().buffer.byteLength, 1000);
  early.append(Buffer.alloc(4000));
  early.append(Buffer.alloc(1));
  assert.equal(early.take().buffer.byteLength, 5001);
});
