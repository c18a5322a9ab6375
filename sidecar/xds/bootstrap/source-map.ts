// From the path of a field back to the line where it stands.

import type { ConfigError, ErrorCode } from '../../../core/config-error.ts';
import type { Places } from './typed.ts';
import type { Source } from './yaml.ts';

/** An error at the field's own place, or at its nearest parent that stands in the file. */
export function errorAt(source: Source, places: Places, path: string, code: ErrorCode, message: string): ConfigError {
  for (let here = path; here !== ''; here = parentOf(here)) {
    const place = places.get(here);
    if (place !== undefined) return source.error(here === path ? place.value : place.key, code, path, message);
  }
  return source.error(0, code, path, message);
}

/** `a.b[0]` -> `a.b` -> `a` -> ''. Map keys are quoted: `a["x.y"]`. */
function parentOf(path: string): string {
  if (path.endsWith('"]')) return path.slice(0, Math.max(path.lastIndexOf('["'), 0));
  const cut = Math.max(path.lastIndexOf('.'), path.endsWith(']') ? path.lastIndexOf('[') : -1);
  return path.slice(0, Math.max(cut, 0));
}
