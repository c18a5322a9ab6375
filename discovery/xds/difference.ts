// (resources, subscription) -> what must be sent and what is gone; pure. The one comparison by which the
// server decides to speak, and the place where refused versions are held back.

import { type Resource, type Resources, setVersion } from './snapshot.ts';
import type { Subscription } from './subscription.ts';

export interface Difference {
  /** To be sent: for full-state types everything visible, otherwise what is new to the client. */
  readonly send: readonly Resource[];
  /** Held by the client, and no longer there. */
  readonly removed: readonly string[];
  /** Version of all that the client would then see. */
  readonly version: string;
  /** Whether there is anything to say. */
  readonly needed: boolean;
}

export interface Kind {
  readonly fullState: boolean;
  /** What stands for a name that does not exist; null: nothing is said of it. */
  readonly missing: ((name: string) => Resource) | null;
  /** Kept although gone: still in use by something that the client has not replaced yet. */
  readonly retain: ReadonlyMap<string, Resource>;
}

export function difference(resources: Resources, subscription: Subscription, kind: Kind): Difference {
  const visible = visibleTo(resources, subscription, kind);
  const version = setVersion(visible.values());
  const changed = [...visible.values()].filter(
    (resource) =>
      subscription.fresh.has(resource.name) || subscription.held.get(resource.name)?.version !== resource.version,
  );
  const removed = [...subscription.held.keys()].filter((name) => !visible.has(name));
  // A set that was refused without a name is not sent again as it was.
  if (subscription.refusedSet?.version === version && subscription.fresh.size === 0)
    return { send: [], removed: [], version, needed: false };
  const send = kind.fullState ? [...visible.values()] : changed;
  // Outside of LDS and CDS a removal cannot be said: the client forgets what nothing refers to.
  const needed = kind.fullState ? changed.length > 0 || removed.length > 0 || subscription.owed : changed.length > 0;
  return { send, removed, version, needed };
}

/** What the client is to see now: refused versions are replaced by what it accepted last, or left out. */
function visibleTo(resources: Resources, subscription: Subscription, kind: Kind): ReadonlyMap<string, Resource> {
  const visible = new Map<string, Resource>();
  const names = subscription.wildcard ? new Set([...resources.keys(), ...subscription.names]) : subscription.names;
  for (const name of names) {
    // Endpoints of a cluster on its way out stay what they were: saying "empty" would break it before its time.
    const kept = kind.fullState ? undefined : subscription.held.get(name);
    const resource = resources.get(name) ?? kept ?? kind.missing?.(name);
    const shown = resource === undefined ? undefined : unlessRefused(resource, subscription);
    if (shown !== undefined) visible.set(name, shown);
  }
  for (const [name, resource] of kind.retain) {
    if (!visible.has(name) && (subscription.wildcard || subscription.names.has(name))) visible.set(name, resource);
  }
  return visible;
}

function unlessRefused(resource: Resource, { refused, accepted }: Subscription): Resource | undefined {
  return refused.get(resource.name)?.version === resource.version ? accepted.get(resource.name) : resource;
}
