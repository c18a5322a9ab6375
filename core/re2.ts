// RE2's engine. Its quarter of a megabyte is loaded with the first pattern: most sidecars never see one.

import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

const load = createRequire(import.meta.url);
let engine: typeof RE2JS | null = null;

/** Throws an Error that says what is wrong with the pattern. */
export function compileRe2(pattern: string): RE2JS {
  engine ??= (load('re2js') as typeof import('re2js')).RE2JS;
  return engine.compile(pattern);
}
