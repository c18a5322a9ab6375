// Header changes that the configuration asks for, on several levels. A level first removes, then adds;
// levels run from the most specific to the least, so that the last overwrites, unless the configuration
// turns that around (`most_specific_header_mutations_wins`).

import type { Exchange } from '../exchange.ts';
import { field, type HeaderList, removeField, setField } from '../http/head.ts';
import { repetition } from '../http/h1/repeated.ts';
import { isWritable } from '../http/h1/format.ts';
import type { HeaderAdd, HeaderMutations } from '../model/route.ts';
import { compileText } from '../telemetry/format.ts';

interface Add {
  readonly name: string;
  readonly value: (x: Exchange) => string;
  readonly action: HeaderAdd['action'];
  readonly keepEmpty: boolean;
}

interface Level {
  readonly remove: readonly string[];
  readonly add: readonly Add[];
}

/** Compiled changes of all levels in the order they run; null where there are none. */
export interface Mutations {
  readonly request: readonly Level[] | null;
  readonly response: readonly Level[] | null;
}

export const NOTHING: Mutations = { request: null, response: null };

/** `levels` from the most specific to the least; those of a chosen cluster come first in either order. */
export function compileMutations(
  levels: readonly HeaderMutations[],
  mostSpecificWins: boolean,
  ofCluster: readonly HeaderMutations[] = [],
): Mutations {
  const ordered = [...ofCluster, ...(mostSpecificWins ? levels.toReversed() : levels)];
  const request = ordered.map((level) => ({ remove: level.requestRemove, add: level.requestAdd.map(compileAdd) }));
  const response = ordered.map((level) => ({ remove: level.responseRemove, add: level.responseAdd.map(compileAdd) }));
  return { request: unlessEmpty(request), response: unlessEmpty(response) };
}

function unlessEmpty(levels: readonly Level[]): readonly Level[] | null {
  const kept = levels.filter((level) => level.remove.length > 0 || level.add.length > 0);
  return kept.length === 0 ? null : kept;
}

export function compileAdd(add: HeaderAdd): Add {
  const constant = add.value.includes('%') ? null : add.value;
  const value = constant !== null ? () => constant : compileText(add.value, { absent: '' });
  return { name: add.name, value, action: add.action, keepEmpty: add.keepEmpty };
}

export function applyMutations(levels: readonly Level[] | null, headers: HeaderList, x: Exchange): void {
  if (levels === null) return;
  for (const level of levels) {
    for (const name of level.remove) removeField(headers, name);
    if (level.add.length > 0) applyAdds(level.add, headers, x);
  }
}

/** Envoy's order: every value and condition is judged by the headers as they were, overwrites come before additions. */
export function applyAdds(adds: readonly Add[], headers: HeaderList, x: Exchange): void {
  const due = adds.map((add) => ({ add, value: valueDue(add, headers, x) }));
  for (const { add, value } of due) {
    if (value !== null && add.action.startsWith('overwrite')) setField(headers, add.name, value);
  }
  for (const { add, value } of due) {
    if (value !== null && !add.action.startsWith('overwrite')) appendField(headers, add.name, value);
  }
}

/** null: this change does not apply. */
function valueDue(add: Add, headers: HeaderList, x: Exchange): string | null {
  const value = add.value(x);
  if (value === '' && !add.keepEmpty) return null;
  // A value made of parts of certificates or requests must not be able to start a new line.
  if (!isWritable(value)) return null;
  if (add.action === 'add-if-absent' && hasField(headers, add.name)) return null;
  return add.action === 'overwrite' && !hasField(headers, add.name) ? null : value;
}

function appendField(headers: HeaderList, name: string, value: string): void {
  const present = repetition(name) === null ? null : field(headers, name);
  if (present === null) headers.push(name, value);
  else setField(headers, name, `${present},${value}`);
}

function hasField(headers: HeaderList, name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true;
  return false;
}
