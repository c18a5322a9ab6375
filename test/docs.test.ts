// The generated pages say what the program says, and what is written by hand points at what is there.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PAGES } from '../scripts/docs/pages.ts';
import { FAILURE, FLAG } from '../sidecar/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

for (const [file, text] of Object.entries(PAGES)) {
  test(`docs/${file} is what \`npm run docs\` prints`, () => {
    assert.equal(readFileSync(join(ROOT, 'docs', file), 'utf8'), text());
  });
}

test('a flag that a failure sets has its line in docs/response-flags.md', () => {
  const [explained = ''] = (PAGES['response-flags.md']?.() ?? '').split('## Details');
  const set = new Set(Object.values(FAILURE).map(({ flag }) => flag as number));
  const silent = Object.entries(FLAG).filter(([name, bit]) => set.has(bit) && !explained.includes(`\`${name}\``));
  assert.deepEqual(silent, []);
});

test('links between pages lead somewhere', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: ROOT, exclude: ['**/node_modules/**'] });
  const dead = pages.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(dead, []);
});
