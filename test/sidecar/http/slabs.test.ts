// Slabs: lent once, back once, and never two pieces in one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyToSlab, giveBack, isSlab } from '../../../sidecar/http/slabs.ts';

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
