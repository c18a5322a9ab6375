// Who is connected, what they hold, what they refused and why: plain data, read by `fairlead status`, CSDS
// and the admin pages.

import type { ResourceType } from '../../proto/resources.ts';

export interface RefusedResource {
  /** '' where the client did not say which. */
  readonly name: string;
  readonly version: string;
  readonly reason: string;
  /** Wall clock. */
  readonly at: number;
}

export interface HeldResource {
  readonly name: string;
  readonly version: string;
}

export interface TypeStatus {
  readonly type: ResourceType;
  /** `*` for everything. */
  readonly subscribed: readonly string[];
  readonly versionSent: string;
  readonly versionAcked: string;
  /** Wall clock; 0: never. */
  readonly lastSent: number;
  readonly lastAcked: number;
  readonly held: readonly HeldResource[];
  readonly refused: readonly RefusedResource[];
  /** `synced`: the newest was accepted. `stale`: sent, no answer yet. `refused`: the client goes on with older. */
  readonly state: 'not-sent' | 'synced' | 'stale' | 'refused';
}

export interface ClientStatus {
  readonly id: number;
  readonly nodeId: string;
  readonly cluster: string;
  readonly userAgent: string;
  readonly address: string;
  /** SPIFFE id of its certificate; '' for none. */
  readonly identity: string;
  /** Wall clock. */
  readonly connectedSince: number;
  readonly types: readonly TypeStatus[];
}

/** What happens on the streams, for counters and logs. Every call is cheap and must not throw. */
export interface XdsEvents {
  sent(type: ResourceType, bytes: number): void;
  acked(type: ResourceType): void;
  refused(type: ResourceType, nodeId: string, reason: string): void;
  stale(type: ResourceType): void;
  /** From a change to the last acceptance by one client. */
  converged(ms: number): void;
  turnedAway(reason: string): void;
}
