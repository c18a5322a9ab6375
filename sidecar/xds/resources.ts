// The judge behind the door: decodes what a source delivers, takes what is good, refuses the rest by
// name, publishes the next snapshot, and says what to subscribe to. Every source ends here.

import type { Clock } from '../../core/clock.ts';
import type { ReadWatch } from '../../core/watch.ts';
import { Watch } from '../../core/watch.ts';
import type { ResourceType } from '../../proto/resources.ts';
import { CLUSTER, ENDPOINT, LISTENER, RESOURCE_TYPES, ROUTE, SECRET } from '../../proto/resources.ts';
import type { Listener } from '../model/listener.ts';
import { references } from '../model/references.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { assemble, PART_OF } from './assemble.ts';
import type { Problem } from './decode/problems.ts';
import { toRefusals } from './decode/problems.ts';
import type { Decoded, DecodeOptions, Model } from './decode/resource.ts';
import { decodeBytes, decodeSteps } from './decode/resource.ts';
import { ListenerAddresses } from './listener-addresses.ts';
import { inSlices, type Steps } from './slices.ts';
import type { Judge, Prepare, Refusal, ResourceUpdate, Wanted } from './source.ts';

export interface ResourcesOptions {
  /** The static resources; nothing that is delivered can replace or remove them. */
  readonly fixed: Snapshot;
  readonly allowUnsupported: boolean;
  readonly clock: Clock;
  /** Whether all listeners and all clusters are asked for. */
  readonly wildcard: { readonly listeners: boolean; readonly clusters: boolean };
  /** Secrets that this sidecar makes itself; not to be asked for. */
  readonly ownSecrets: ReadonlySet<string>;
  /** Told of fields that were passed over (`--allow-unsupported`) and of harmless oddities. */
  readonly warn: (resource: string, problem: Problem) => void;
}

/** A delivered resource that is in force. */
export interface Accepted {
  readonly type: ResourceType;
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  /** null: taken silently, of no concern to a sidecar. */
  readonly model: Model | null;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
}

/** A delivered resource that was refused. */
export interface Rejected {
  readonly type: ResourceType;
  readonly name: string;
  readonly version: string;
  readonly refusals: readonly Refusal[];
  readonly at: number;
}

interface TypeState {
  readonly accepted: Map<string, Accepted>;
  readonly rejected: Map<string, Rejected>;
}

/** One response while it is judged. */
interface Round {
  readonly decoding: DecodeOptions;
  /** The models of what was taken. */
  readonly changed: Map<string, Model>;
  /** null: the resources are no listeners. */
  readonly addresses: ListenerAddresses | null;
}

/** Types whose decoding depends on nothing that may change before they are judged. */
const AHEAD: ReadonlySet<ResourceType> = new Set([CLUSTER, ENDPOINT]);
/** Less is decoded within a few milliseconds. */
const WORTH_PREPARING_BYTES = 16 * 1024;

/** Most rejected resources remembered of a type. */
const MOST_REJECTED = 1_000;

export class Resources {
  readonly #options: ResourcesOptions;
  readonly #types: ReadonlyMap<ResourceType, TypeState>;
  readonly #snapshot: Watch<Snapshot>;
  readonly #wanted: Watch<Wanted>;
  /** What was decoded ahead, by the bytes it was decoded from. */
  readonly #ahead = new WeakMap<Uint8Array, Decoded<Model>>();
  #adopting = false;

  constructor(options: ResourcesOptions) {
    this.#options = options;
    this.#types = new Map(RESOURCE_TYPES.map((type) => [type, { accepted: new Map(), rejected: new Map() }]));
    this.#snapshot = new Watch(options.fixed);
    this.#wanted = new Watch(this.#namesWanted(options.fixed, null));
  }

  get snapshot(): ReadWatch<Snapshot> {
    return this.#snapshot;
  }

  get wanted(): ReadWatch<Wanted> {
    return this.#wanted;
  }

  /** What is in force, static resources not among them; by type in order of delivery. */
  get held(): readonly Accepted[] {
    return [...this.#types.values()].flatMap(({ accepted }) => [...accepted.values()]);
  }

  /** What was last refused, by type and name. */
  get refused(): readonly Rejected[] {
    return [...this.#types.values()].flatMap(({ rejected }) => [...rejected.values()]);
  }

  /** Whether anything delivered of this type is in force. */
  holds(type: ResourceType): boolean {
    return this.#stateOf(type).accepted.size > 0;
  }

  /** What is in force as updates, for the disk. */
  get updates(): readonly ResourceUpdate[] {
    return [...this.#types].map(([type, { accepted }]) => ({
      type,
      changed: [...accepted.values()].map(({ name, version, bytes }) => ({ name, version, bytes })),
      removed: [],
      complete: type.fullState,
    }));
  }

  /**
   * Takes what is in force elsewhere: it was judged there when it came, and a listener stays in force when a
   * cluster that its routes name is gone since.
   */
  adopt(update: ResourceUpdate): readonly Refusal[] {
    this.#adopting = true;
    try {
      return this.judge(update);
    } finally {
      this.#adopting = false;
    }
  }

  readonly prepare: Prepare = (type, changed) => {
    if (!AHEAD.has(type)) return null;
    const fresh = changed.filter(({ name, bytes }) => !this.#isKnown(type, name, bytes));
    const bytes = fresh.reduce((sum, resource) => sum + resource.bytes.length, 0);
    return bytes < WORTH_PREPARING_BYTES ? null : inSlices(this.#decodeAhead(type, fresh), this.#options.clock);
  };

  *#decodeAhead(type: ResourceType, changed: ResourceUpdate['changed']): Steps<void> {
    const { decoding } = this.#newRound(type);
    for (const { bytes } of changed) {
      this.#ahead.set(bytes, yield* decodeSteps(type.schema, bytes, decoding));
      yield;
    }
  }

  #isKnown(type: ResourceType, name: string, bytes: Uint8Array): boolean {
    const known = this.#stateOf(type).accepted.get(name);
    return known !== undefined && Buffer.compare(known.bytes, bytes) === 0;
  }

  readonly judge: Judge = (update) => {
    const state = this.#stateOf(update.type);
    const refusals: Refusal[] = [];
    const round = this.#newRound(update.type);
    const seen = new Set<string>();
    for (const resource of update.changed) {
      const found = seen.has(resource.name)
        ? [whole(resource.name, 'stands twice in one response')]
        : this.#take(update.type, resource, round);
      seen.add(resource.name);
      if (found.length > 0) this.#reject(update.type, resource, found);
      refusals.push(...found);
    }
    this.#forget(update, state, seen);
    this.#publish(update, round.changed, seen);
    return refusals;
  };

  #newRound(type: ResourceType): Round {
    const { allowUnsupported, fixed, clock } = this.#options;
    const isListener = type === LISTENER;
    const clusters = isListener && !this.#adopting ? new Set(this.#snapshot.value.clusters.keys()) : null;
    return {
      decoding: { allowUnsupported, clusters, nowMs: clock.wall() },
      changed: new Map(),
      addresses: isListener ? new ListenerAddresses(fixed.listeners.values()) : null,
    };
  }

  /** Refusals of one resource; none: it is in force, its model (if any) in `changed`. */
  #take(type: ResourceType, resource: ResourceUpdate['changed'][number], round: Round): readonly Refusal[] {
    const { accepted, rejected } = this.#stateOf(type);
    const { name, version, bytes } = resource;
    if ((this.#options.fixed[PART_OF[type.shortName]] as ReadonlyMap<string, unknown>).has(name))
      return [whole(name, 'a static resource has this name')];
    const known = accepted.get(name);
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) {
      accepted.set(name, { ...known, version });
      rejected.delete(name);
      put(round, name, known.model);
      return [];
    }
    const decoded = this.#ahead.get(bytes) ?? decodeBytes(type.schema, bytes, round.decoding);
    this.#ahead.delete(bytes);
    if (!decoded.ok) return toRefusals(name, decoded.problems);
    const clash = decoded.value === null ? null : (round.addresses?.clash(decoded.value as Listener) ?? null);
    if (clash !== null) return [clash];
    for (const problem of decoded.warnings) this.#options.warn(name, problem);
    accepted.set(name, { type, name, version, bytes, model: decoded.value, updatedAt: this.#options.clock.wall() });
    rejected.delete(name);
    put(round, name, decoded.value);
    return [];
  }

  #reject(type: ResourceType, resource: ResourceUpdate['changed'][number], refusals: readonly Refusal[]): void {
    const { rejected } = this.#stateOf(type);
    const { name, version } = resource;
    if (rejected.size >= MOST_REJECTED) rejected.clear();
    rejected.set(name, { type, name, version, refusals, at: this.#options.clock.wall() });
  }

  /** What is gone by name, or by not standing in a full state. */
  #forget({ complete, removed }: ResourceUpdate, state: TypeState, seen: ReadonlySet<string>): void {
    for (const name of removed) {
      state.accepted.delete(name);
      state.rejected.delete(name);
    }
    if (!complete) return;
    for (const map of [state.accepted, state.rejected])
      for (const name of map.keys()) if (!seen.has(name)) map.delete(name);
  }

  /** A refused resource stays as it was: its name is among the seen. */
  #publish(update: ResourceUpdate, changed: ReadonlyMap<string, Model>, seen: ReadonlySet<string>): void {
    const fixed = this.#options.fixed[PART_OF[update.type.shortName]] as ReadonlyMap<string, unknown>;
    const kept = new Set([...seen, ...fixed.keys()]);
    const removed = update.removed.filter((name) => !fixed.has(name));
    const next = this.#withoutOrphans(
      assemble(this.#snapshot.value, { type: update.type, changed, removed, complete: update.complete, kept }),
    );
    this.#snapshot.set(next);
    this.#wanted.set(this.#namesWanted(next, this.#wanted.value));
  }

  /** Routes and endpoints that nothing mentions any more (xDS: they are never removed by a response). */
  #withoutOrphans(snapshot: Snapshot): Snapshot {
    const used = references(snapshot);
    let next = snapshot;
    for (const [type, names] of [
      [ROUTE, used.routes],
      [ENDPOINT, used.endpoints],
    ] as const) {
      const state = this.#stateOf(type);
      const orphans = [...(next[PART_OF[type.shortName]] as ReadonlyMap<string, unknown>).keys()].filter(
        (name) => !names.has(name),
      );
      for (const name of [...orphans, ...state.rejected.keys()]) if (!names.has(name)) state.rejected.delete(name);
      for (const name of orphans) state.accepted.delete(name);
      next = assemble(next, { type, changed: new Map(), removed: orphans, complete: false, kept: new Set() });
    }
    return next;
  }

  /** The same object when nothing changed. */
  #namesWanted(snapshot: Snapshot, before: Wanted | null): Wanted {
    const { wildcard, ownSecrets, fixed } = this.#options;
    const used = references(snapshot);
    const secrets = [...used.secrets].filter((name) => !ownSecrets.has(name) && !fixed.secrets.has(name));
    const wanted = new Map<ResourceType, ReadonlySet<string> | null>([
      [ENDPOINT, used.endpoints],
      [ROUTE, used.routes],
      [SECRET, new Set(secrets)],
    ]);
    if (wildcard.clusters) wanted.set(CLUSTER, null);
    if (wildcard.listeners) wanted.set(LISTENER, null);
    return before !== null && sameWanted(before, wanted) ? before : wanted;
  }

  #stateOf(type: ResourceType): TypeState {
    const state = this.#types.get(type);
    if (state === undefined) throw new TypeError(`${type.typeUrl} is no type of this program`);
    return state;
  }
}

function put({ changed, addresses }: Round, name: string, model: Model | null): void {
  if (model === null) return;
  changed.set(name, model);
  addresses?.add(model as Listener);
}

function whole(name: string, reason: string): Refusal {
  return { name, field: '', reason };
}

function sameWanted(a: Wanted, b: Wanted): boolean {
  return [...b].every(([type, names]) => sameNames(a.get(type), names));
}

function sameNames(a: ReadonlySet<string> | null | undefined, b: ReadonlySet<string> | null): boolean {
  if (a === undefined || a === null || b === null) return a === b;
  return a.size === b.size && [...b].every((name) => a.has(name));
}
