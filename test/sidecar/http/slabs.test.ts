// Slabs: lent once, back once, and never two pieces in one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyToSlab, giveBack, isSlab, kept, lend, ownCopy } from '../../../sidecar/http/slabs.ts';

test('a slab that came back is lent again, and only then', () => {
  const first = copyToSlab(Buffer.from('first'));
  const second = copyToSlab(Buffer.from('second'));
  assert.notEqual(first.buffer, second.buffer);
  assert.deepEqual([first.toString(), second.toString()], ['first', 'second']);
  giveBack(first);
  assert.ok(!isSlab(first));
  const third = copyToSlab(Buffer.from('third'));
  assert.equal(third.buffer, first.buffer);
  assert.equal(second.toString(), 'second');
});

test('giving back twice, or what is no slab, does nothing', () => {
  const piece = copyToSlab(Buffer.from('a'));
  giveBack(piece);
  giveBack(piece);
  giveBack(Buffer.from('b'));
  const [one, other] = [copyToSlab(Buffer.from('c')), copyToSlab(Buffer.from('d'))];
  assert.notEqual(one.buffer, other.buffer);
});

test('what is larger than a slab has memory of its own', () => {
  const large = copyToSlab(Buffer.alloc(64 * 1024 + 1, 'x'));
  assert.ok(!isSlab(large));
  assert.equal(large.length, 64 * 1024 + 1);
});

test('a large read is let go of when its use returns; who kept a piece has a copy', () => {
  const bytes = Buffer.from(new ArrayBuffer(64 * 1024)).fill('x');
  let keeping: (Buffer | string)[] = [];
  lend(bytes, (read) => {
    assert.equal(read, bytes);
    keeping = [kept(read.subarray(0, 5000)), ownCopy(read.subarray(0, 3)), ownCopy('text')];
  });
  assert.equal(bytes.length, 0);
  assert.deepEqual(
    keeping.map((piece) => piece.toString()),
    ['x'.repeat(5000), 'xxx', 'text'],
  );
});

test('small reads, and pieces of memory that others use too, are left alone', () => {
  for (const bytes of [
    Buffer.from('small'),
    Buffer.alloc(128 * 1024).subarray(1),
    Buffer.alloc(64 * 1024).subarray(0, 49_152),
  ]) {
    const { length } = bytes;
    lend(bytes, (read) => assert.equal(ownCopy(read), read));
    assert.equal(bytes.length, length);
  }
});
