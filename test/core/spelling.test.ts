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

test('of very many candidates some are compared', () => {
  let asked = 0;
  const names = function* () {
    for (; asked < 1_000_000; asked++) yield `name${asked}`;
  };
  assert.equal(nearest('name7', names()), 'name7');
  assert.equal(asked, 1000);
});
