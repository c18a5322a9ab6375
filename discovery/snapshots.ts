// Who asks -> the newest snapshot for it. Clients of equal description share one; a snapshot in which
// nothing changed is the same object, so that nobody is told of nothing.

import { parseSpiffeId } from '../core/identity.ts';
import type { ReadWatch } from '../core/watch.ts';
import type { Catalog } from './catalog/types.ts';
import { describeNode } from './translate/node.ts';
import type { EncodedResource } from './translate/resource.ts';
import type { KeyPair, TrustBundle } from './translate/secrets.ts';
import { translator } from './translate/translate.ts';
import { type Snapshot, snapshotOf } from './xds/snapshot.ts';
import type { Node, Peer } from './xds/stream.ts';

/** Descriptions remembered; beyond this the oldest is worked out anew when asked for. */
export const MAX_DESCRIPTIONS = 10_000;

interface Entry {
  readonly catalog: Catalog;
  readonly bundle: TrustBundle;
  readonly own: KeyPair | null;
  readonly named: readonly EncodedResource[];
  readonly snapshot: Snapshot;
}

export interface SnapshotsOptions {
  readonly catalog: ReadWatch<Catalog>;
  readonly bundle: ReadWatch<TrustBundle>;
  /** The certificate and key made here for an identity; null while there is none. */
  readonly keysFor: (identity: string) => KeyPair | null;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #translate = translator();
  readonly #entries = new Map<string, Entry>();

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  snapshotFor(node: Node, peer: Peer): Snapshot {
    const catalog = this.#options.catalog.value;
    const bundle = this.#options.bundle.value;
    const withKeys =
      catalog.mesh.allowKeysOverSds && peer.secure && peer.identity !== null && parseSpiffeId(peer.identity) !== null;
    const own = withKeys ? this.#options.keysFor(peer.identity as string) : null;
    const description = describeNode(node, own !== null);
    const key = JSON.stringify([description, own === null ? null : peer.identity]);
    const before = this.#entries.get(key);
    if (before?.catalog === catalog && before.bundle === bundle && before.own === own) return before.snapshot;
    const named = this.#translate(catalog, { bundle, own }, description);
    const same =
      before !== undefined && before.named.length === named.length && before.named.every((one, i) => one === named[i]);
    this.#remember(key, { catalog, bundle, own, named, snapshot: same ? before.snapshot : snapshotOf(named) });
    return (this.#entries.get(key) as Entry).snapshot;
  }

  #remember(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > MAX_DESCRIPTIONS) this.#entries.delete(this.#entries.keys().next().value as string);
  }
}
