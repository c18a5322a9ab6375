// What a start has used is given back: heap that nothing lives in is no longer held.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactHeap } from '../../core/compact-heap.ts';

test('a heap that grew shrinks to what lives in it', () => {
  let lists: number[][] = Array.from({ length: 400 }, () => Array.from({ length: 10_000 }, (_, i) => i * 1.5));
  const grown = process.memoryUsage().heapTotal;
  assert.ok(lists.length * 10_000 * 8 < grown);
  lists = [];
  compactHeap();
  const after = process.memoryUsage().heapTotal;
  assert.ok(after < grown - 20 * 1024 * 1024, `${grown} -> ${after}`);
  assert.equal((globalThis as { gc?: unknown }).gc, undefined);
});
