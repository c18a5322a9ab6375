// The next snapshot from the present one and what changed. Pure; shares structure: maps of types that are
// not concerned are the same maps, and when nothing changed the snapshot is the same object.

import type { ResourceType } from '../../proto/resources.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Model } from './decode/resource.ts';

export interface Change {
  readonly type: ResourceType;
  /** New models by name. A model that did not change must be the same object as before. */
  readonly changed: ReadonlyMap<string, Model>;
  readonly removed: Iterable<string>;
  /** State of the world: what is neither changed nor kept is gone. */
  readonly complete: boolean;
  /** Names that stay as they are, though the full state does not bring them anew. */
  readonly kept: ReadonlySet<string>;
}

/** Where the models of a type live in the snapshot. */
export const PART_OF: Readonly<Record<ResourceType['shortName'], keyof Snapshot>> = {
  CDS: 'clusters',
  EDS: 'endpoints',
  LDS: 'listeners',
  RDS: 'routes',
  SDS: 'secrets',
};

export function assemble(snapshot: Snapshot, change: Change): Snapshot {
  const part = PART_OF[change.type.shortName];
  const before = snapshot[part] as ReadonlyMap<string, Model>;
  const after = nextPart(before, change);
  return after === before ? snapshot : { ...snapshot, [part]: after };
}

function nextPart(
  before: ReadonlyMap<string, Model>,
  { changed, removed, complete, kept }: Change,
): ReadonlyMap<string, Model> {
  const gone = new Set(removed);
  const stays = (name: string) => !gone.has(name) && (!complete || changed.has(name) || kept.has(name));
  const next = new Map([...before].filter(([name]) => stays(name)));
  for (const [name, model] of changed) if (!gone.has(name)) next.set(name, model);
  return isSame(before, next) ? before : next;
}

function isSame(before: ReadonlyMap<string, Model>, next: ReadonlyMap<string, Model>): boolean {
  if (before.size !== next.size) return false;
  for (const [name, model] of next) if (before.get(name) !== model) return false;
  return true;
}
