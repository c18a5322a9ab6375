// Whoever starts a program of ours tells Node the same.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { NODE_FLAGS } from '../../core/node-flags.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test("the image's entry point and the checkout's script have the flags", () => {
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(read('Dockerfile'))?.[1] ?? '[]') as string[];
  assert.deepEqual(entry.slice(1, -1), NODE_FLAGS);
  const script = /^exec "\$NODE" \$NODE_FLAGS (.*?) "/m.exec(read('fairlead'))?.[1] ?? '';
  const common = /^NODE_FLAGS='(.*)'$/m.exec(read('scripts/node.sh'))?.[1] ?? '';
  assert.deepEqual([...common.split(' '), ...script.split(' ')], NODE_FLAGS);
});
