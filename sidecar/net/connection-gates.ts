// Limits of open connections: before each listener stands a gate that lets a connection in when there is a
// place for it under every limit that holds there. Places are counted over all threads. A connection takes
// its places first and gives them back where it was one too many, so that no limit is ever passed; two that
// come at once for the last place may both be sent away.

import { SharedCounts } from '../../core/shared-counts.ts';
import type { ConnectionLimits, DescriptorLimit } from '../model/limits.ts';

/** Which limit is in the way. */
export type LimitName = 'in-all' | 'of-listener' | 'by-descriptors';

interface Place {
  readonly slot: number;
  readonly most: number;
  readonly limit: LimitName;
}

/** What a listener says of limits that are not its own. */
export interface Exemptions {
  readonly ignoresGlobalLimit: boolean;
  readonly bypassesOverloadManager: boolean;
}

const IN_ALL = 0;
const BY_DESCRIPTORS = 1;
/** Threads that told of descriptors running out. */
const TOLD = 2;
const LISTENERS = 3;

/** Slots that the counts of these limits need. */
export function slotsOf({ byListener }: ConnectionLimits): number {
  return LISTENERS + byListener.size;
}

export class ConnectionGates {
  readonly #limits: ConnectionLimits;
  readonly #counts: SharedCounts;
  readonly #thread: number;

  constructor(limits: ConnectionLimits, counts = new SharedCounts(1, slotsOf(limits)), thread = 0) {
    this.#limits = limits;
    this.#counts = counts;
    this.#thread = thread;
  }

  /** The gate of one listener. Gates of the same name count together. */
  of(listener: string, exemptions: Exemptions): ConnectionGate {
    const { inAll, byListener, byDescriptors } = this.#limits;
    const places: Place[] = [];
    if (inAll !== null && !isExempt(exemptions, inAll))
      places.push({ slot: IN_ALL, most: inAll.most, limit: 'in-all' });
    const most = byListener.get(listener);
    if (most !== undefined) {
      places.push({ slot: LISTENERS + [...byListener.keys()].indexOf(listener), most, limit: 'of-listener' });
    }
    if (byDescriptors !== null)
      places.push({ slot: BY_DESCRIPTORS, most: byDescriptors.most, limit: 'by-descriptors' });
    return new ConnectionGate(places, this.#counts, this.#thread);
  }

  /** The limit, for the first who asks: it is told once, but by each of several threads that ask in the same moment. */
  toTell(): DescriptorLimit | null {
    if (this.#counts.sum(TOLD) > 0) return null;
    this.#counts.add(this.#thread, TOLD, 1);
    return this.#limits.byDescriptors;
  }
}

function isExempt(
  { ignoresGlobalLimit, bypassesOverloadManager }: Exemptions,
  { byOverloadManager }: NonNullable<ConnectionLimits['inAll']>,
): boolean {
  return ignoresGlobalLimit || (bypassesOverloadManager && byOverloadManager);
}

export class ConnectionGate {
  readonly #places: readonly Place[];
  readonly #counts: SharedCounts;
  readonly #thread: number;

  constructor(places: readonly Place[], counts: SharedCounts, thread: number) {
    this.#places = places;
    this.#counts = counts;
    this.#thread = thread;
  }

  /** null: come in, and `leave` by this same gate; otherwise the limit that is reached. */
  enter(): LimitName | null {
    for (const [i, { slot, most, limit }] of this.#places.entries()) {
      this.#counts.add(this.#thread, slot, 1);
      if (this.#counts.sum(slot) <= most) continue;
      for (const taken of this.#places.slice(0, i + 1)) this.#counts.add(this.#thread, taken.slot, -1);
      return limit;
    }
    return null;
  }

  leave(): void {
    for (const { slot } of this.#places) this.#counts.add(this.#thread, slot, -1);
  }
}
