// Writes the reference pages that are printed from the program's own tables into docs/ (or another folder).
// test/docs.test.ts says when they are no longer what the program says.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGES } from './docs/pages.ts';

const out = process.argv[2] ?? join(import.meta.dirname, '..', 'docs');
for (const [file, text] of Object.entries(PAGES)) writeFileSync(join(out, file), text());
