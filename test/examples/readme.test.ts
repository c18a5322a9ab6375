// The player of READMEs can tell a kept promise from a broken one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstBroken, stepsOf } from './readme.ts';

test('a step is a sh block with the text block behind it', () => {
  const steps = stepsOf('```sh\na\nb\n```\n\n```text\nx\ny\n```\nwords\n```yaml\nz: 1\n```\n```sh\nc\n```\n');
  assert.deepEqual(steps, [
    { script: 'a\nb\n', promised: ['x', 'y'] },
    { script: 'c\n', promised: [] },
  ]);
});

test('promised lines come in their order, whole, with gaps only where they say so', () => {
  const said = 'noise\n  one   two\nthree (3)\n';
  assert.equal(firstBroken(['one two', 'three (3)'], said), null);
  assert.equal(firstBroken(['one…', '… (…)'], said), null);
  assert.equal(firstBroken(['three (3)', 'one two'], said), 'one two');
  assert.equal(firstBroken(['one'], said), 'one');
  assert.equal(firstBroken([], said), null);
});
