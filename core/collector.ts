// V8's collector as a function. Node has none unless it was started with --expose-gc; a new context made while
// that flag is set has one.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type CollectionKind = { readonly type: 'minor' } | { readonly type: 'major'; readonly flavor: 'last-resort' };

export function collector(): (kind: CollectionKind) => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (kind: CollectionKind) => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
