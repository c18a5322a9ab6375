// What to send next on one stream; pure. Types go in order of delivery, one unanswered response per type,
// the newest state only. Make before break: a change of listeners and routes waits until the clusters that
// it may name, and their endpoints, are in place; a cluster goes only when no table on the client names it.

import { CLUSTER, ENDPOINT, LISTENER, RESOURCE_TYPES, type ResourceType, ROUTE } from '../../proto/resources.ts';
import { type Difference, difference, type Kind } from './difference.ts';
import type { Resource, Snapshot } from './snapshot.ts';
import type { Subscription } from './subscription.ts';

export type Subscriptions = ReadonlyMap<ResourceType, Subscription>;

export interface Plan {
  readonly type: ResourceType;
  readonly difference: Difference;
}

export interface PlanInput {
  readonly snapshot: Snapshot;
  readonly subscriptions: Subscriptions;
  /** An empty assignment for a cluster that has none. */
  readonly emptyEndpoints: (name: string) => Resource;
  /** Waiting for a client to take clusters has lasted long enough: go on. */
  readonly impatient: boolean;
}

/** The next response to send, or null when there is nothing to say or an answer must come first. */
export function nextResponse(input: PlanInput): Plan | null {
  for (const type of RESOURCE_TYPES) {
    const subscription = input.subscriptions.get(type);
    if (subscription === undefined || subscription.pending !== null) continue;
    const found = difference(input.snapshot.of(type), subscription, kindOf(type, input, subscription));
    if (!found.needed) continue;
    if (mustWait(type, subscription, input)) continue;
    return { type, difference: found };
  }
  return null;
}

/** Whether something is held back by make-before-break: then time may bring it forward. */
export function isHeldBack(input: PlanInput): boolean {
  return !input.impatient && nextResponse(input) === null && nextResponse({ ...input, impatient: true }) !== null;
}

function kindOf(type: ResourceType, input: PlanInput, subscription: Subscription): Kind {
  return {
    fullState: type.fullState,
    missing: type === ENDPOINT ? input.emptyEndpoints : null,
    retain: type === CLUSTER ? retainedClusters(input, subscription) : NOTHING,
  };
}

const NOTHING: ReadonlyMap<string, Resource> = new Map();

/** Clusters that are gone stay on the client until its listeners and routes have been replaced and accepted. */
function retainedClusters(input: PlanInput, subscription: Subscription): ReadonlyMap<string, Resource> {
  if (!isUnsettled(input, LISTENER) && !isUnsettled(input, ROUTE)) return NOTHING;
  const present = input.snapshot.of(CLUSTER);
  return new Map([...subscription.held].filter(([name]) => !present.has(name)));
}

/** The client has not the newest of this type in force: unsent, unanswered, or refused. */
function isUnsettled(input: PlanInput, type: ResourceType): boolean {
  const subscription = input.subscriptions.get(type);
  if (subscription === undefined) return false;
  if (subscription.pending !== null || subscription.refusedSet !== null) return true;
  const resources = input.snapshot.of(type);
  const refused = [...subscription.refused].some(([name, { version }]) => resources.get(name)?.version === version);
  return (
    refused || difference(resources, subscription, { fullState: type.fullState, missing: null, retain: NOTHING }).needed
  );
}

/** Updates of listeners and routes wait for clusters; first answers never do. */
function mustWait(type: ResourceType, subscription: Subscription, input: PlanInput): boolean {
  if (input.impatient || (type !== LISTENER && type !== ROUTE) || subscription.versionSent === '' || subscription.owed)
    return false;
  // Names just asked for are first answers too.
  const resources = input.snapshot.of(type);
  if ([...subscription.fresh].some((name) => resources.has(name))) return false;
  const clusters = input.subscriptions.get(CLUSTER);
  // A client that names its clusters (gRPC) learns their names from the routes: these cannot wait.
  if (clusters === undefined || !clusters.wildcard) return false;
  if (clusters.pending !== null) return true;
  const endpoints = input.subscriptions.get(ENDPOINT);
  if (endpoints === undefined) return false;
  return (
    endpoints.pending !== null ||
    [...clusters.recent].some((name) => lacksEndpoints(clusters.held.get(name), endpoints))
  );
}

/** A new cluster is not in service before its endpoints came. */
function lacksEndpoints(cluster: Resource | undefined, endpoints: Subscription): boolean {
  return cluster !== undefined && cluster.endpoints !== null && !endpoints.held.has(cluster.endpoints);
}
