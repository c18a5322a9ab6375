// The one shape of configuration. ADS, a bootstrap file and the identity loop all deliver ResourceUpdates;
// decoding, checking and assembling happen once, behind this door.

import type { ReadWatch } from '../../core/watch.ts';
import type { ResourceType } from '../../proto/resources.ts';

export interface ResourceUpdate {
  readonly type: ResourceType;
  readonly changed: readonly { readonly name: string; readonly version: string; readonly bytes: Uint8Array }[];
  readonly removed: readonly string[];
  /** State of the world: what is not listed is gone. */
  readonly complete: boolean;
}

/** One resource that was not taken, and why; `field` is its path inside the resource. */
export interface Refusal {
  readonly name: string;
  readonly field: string;
  readonly reason: string;
}

/** Applies what is good. Empty: ACK; otherwise a NACK naming each. */
export type Judge = (update: ResourceUpdate) => readonly Refusal[];

/**
 * Decodes ahead what would keep others waiting, so that judging it is short. null: it is short as it is.
 * Nothing comes of it but time: what is prepared and never judged is forgotten.
 */
export type Prepare = (type: ResourceType, changed: ResourceUpdate['changed']) => Promise<void> | null;

/** Names to subscribe to, by type; null: everything (wildcard). */
export type Wanted = ReadonlyMap<ResourceType, ReadonlySet<string> | null>;

export type Stop = () => void;
export type Source = (judge: Judge, wanted: ReadWatch<Wanted>) => Stop;
