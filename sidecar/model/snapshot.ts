// What the data plane was told, whole: every kind of resource by name. Plain, deep-readonly data without
// protobuf and without sockets. A snapshot is replaced, never changed; a part that did not change is the
// same object as in its predecessor, so `!==` is how everybody detects change.

import type { Cluster } from './cluster.ts';
import type { ClusterLoadAssignment } from './endpoint.ts';
import type { Listener } from './listener.ts';
import type { RouteConfiguration } from './route.ts';
import type { Secret } from './secret.ts';

export interface Snapshot {
  readonly listeners: ReadonlyMap<string, Listener>;
  /** RouteConfigurations that came by RDS. Inline ones live in their listener. */
  readonly routes: ReadonlyMap<string, RouteConfiguration>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** ClusterLoadAssignments that came by EDS, by EDS service name. Inline ones live in their cluster. */
  readonly endpoints: ReadonlyMap<string, ClusterLoadAssignment>;
  readonly secrets: ReadonlyMap<string, Secret>;
}

export const EMPTY_SNAPSHOT: Snapshot = {
  listeners: new Map(),
  routes: new Map(),
  clusters: new Map(),
  endpoints: new Map(),
  secrets: new Map(),
};
