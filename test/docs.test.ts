// The generated pages say what the program says, and what is written by hand points at what is there.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PAGES } from '../scripts/docs/pages.ts';
import { registry } from '../proto/registry.ts';
import { FAILURE, FLAG } from '../sidecar/errors.ts';
import { SIDECAR_FLAGS } from '../sidecar/flags.ts';
import { FAULT } from '../sidecar/http/h1/fault.ts';
import { Stats } from '../sidecar/telemetry/stats.ts';

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

/** Code spans of the tables of docs/limits.md. */
function spansOfLimits(): string[] {
  const rows = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span));
}

test('figures, fields and flags in docs/limits.md are there', () => {
  const stats = new Stats();
  const opened = [
    () => stats.cluster('C'),
    () => stats.http('P'),
    () => stats.listener('L'),
    () => stats.subscription('sds'),
    () => stats.httpInspector(),
  ];
  for (const open of opened) open();
  const figures = new Set(stats.groups().flatMap(({ kind }) => kind.rows.map(({ name }) => name)));
  const fields = new Set(
    [...registry].flatMap((desc) => (desc.kind === 'message' ? desc.fields : [])).map(({ name }) => name),
  );
  const spans = spansOfLimits();
  const shown = spans.filter((span) =>
    /^(?:http\.P|listener\.L|cluster\.C|http1|http2|http_inspector|sds\.|overload\.(?!global))/.test(span),
  );
  assert.ok(shown.length > 40, `only ${shown.length} figures`);
  const wrongFigures = shown.filter((span) => !DETAILS.test(span) && !figures.has(span.split('.').at(-1) ?? ''));
  assert.deepEqual(wrongFigures, []);
  const flags = spans.filter((span) => span.startsWith('--')).map((span) => span.slice(2));
  assert.deepEqual(
    flags.filter((name) => !Object.hasOwn(SIDECAR_FLAGS, name)),
    [],
  );
  const named = spans.filter((span) => /^[a-z0-9]+(?:[_.][a-z0-9]+)*_[a-z0-9]+$/.test(span) && !shown.includes(span));
  const known = (span: string) =>
    span.split('.').every((part) => fields.has(part)) || DETAIL_NAMES.has(span) || span.startsWith('overload.');
  assert.deepEqual(
    named.filter((span) => !known(span)),
    [],
  );
});

/** Not figures, though they begin like some. */
const DETAILS =
  /^http[12]\.(?:headers_too_large|too_many_headers|trailers_too_large|connection_header_rejected|unexpected_underscore|codec_error)$/;
const DETAIL_NAMES = new Set<string>(
  [...Object.values(FAILURE), ...Object.values(FAULT)].map(({ details }) => details),
);
