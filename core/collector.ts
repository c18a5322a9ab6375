// V8's collector as a function. Node has none unless it was started with --expose-gc; a new context made while
// that flag is set has one. The flag is one for all threads, and stays: a thread that took it back took it from another
// that was just about to use it, and ended its start.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type CollectionKind = { readonly type: 'minor' } | { readonly type: 'major'; readonly flavor: 'last-resort' };

export function collector(): (kind: CollectionKind) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (kind: CollectionKind) => void;
}
