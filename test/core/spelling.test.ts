import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from '../../core/spelling.ts';

test('distances count insertions, deletions, substitutions and swaps', () => {
  assert.equal(editDistance('port', 'port'), 0);
  assert.equal(editDistance('prot', 'port'), 1);
  assert.equal(editDistance('por', 'port'), 1);
  assert.equal(editDistance('kitten', 'sitting'), 3);
});

test('the nearest word is suggested, or none', () => {
  assert.equal(nearest('catlog', ['catalog', 'web']), 'catalog');
  assert.equal(nearest('Web', ['catalog', 'web']), 'web');
  assert.equal(nearest('xyz', ['catalog', 'web']), null);
  assert.equal(nearest('anything', []), null);
});
