// RE2's engine. Its quarter of a megabyte is loaded with the first pattern: most sidecars never see one.

import type { RE2JS } from 're2js';

let engine: typeof RE2JS | null = null;

/** Throws an Error that says what is wrong with the pattern. */
export function compileRe2(pattern: string): RE2JS {
  engine ??= load();
  return engine.compile(pattern);
}

function load(): typeof RE2JS {
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
  return (require('re2js') as typeof import('re2js')).RE2JS;
}
