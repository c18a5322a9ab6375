// Mistakes in a YAML text: told with their places, and without the stacks that would cost more than they say.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseYaml } from '../../core/yaml-text.ts';

const OPTIONS = { version: '1.2', schema: 'core' } as const;

it('a mistake has its place and no stack, and other errors keep theirs', () => {
  const limit = Error.stackTraceLimit;
  const [document] = parseYaml('a: [1\nb: }\n', OPTIONS).documents;
  const [first] = document?.errors ?? [];
  assert.deepEqual(first?.pos, [6, 7]);
  assert.doesNotMatch(first?.stack ?? '', /\n\s+at /);
  assert.equal(Error.stackTraceLimit, limit);
  assert.match(new Error('ours').stack ?? '', /\n\s+at /);
});
