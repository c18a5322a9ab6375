// Configuration that the primary thread passes on to a worker: updates as bytes, in the order in which the
// primary judged them. A Source like the others: the worker decodes and assembles for itself, by the same
// judge; nobody is answered from here, for the primary has answered already.

import { byTypeUrl } from '../../proto/resources.ts';
import type { Judge, Prepare, Refusal, ResourceUpdate, Source } from './source.ts';

/** An update as it travels between threads; the bytes of all its resources lie one after another. */
export interface PackedUpdate {
  readonly typeUrl: string;
  readonly changed: readonly { readonly name: string; readonly version: string; readonly length: number }[];
  readonly bytes: Uint8Array;
  readonly removed: readonly string[];
  readonly complete: boolean;
  /** Names of what the primary refused of it. */
  readonly refused: readonly string[];
}

/** Bytes are copied together first: each may be a view of something large, which would travel along whole. */
export function packUpdate(
  { type, changed, removed, complete }: ResourceUpdate,
  refusals: readonly Refusal[] = [],
): PackedUpdate {
  const lengths = changed.map(({ name, version, bytes }) => ({ name, version, length: bytes.length }));
  const bytes = new Uint8Array(lengths.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const resource of changed) {
    bytes.set(resource.bytes, at);
    at += resource.bytes.length;
  }
  const refused = [...new Set(refusals.map(({ name }) => name))];
  return { typeUrl: type.typeUrl, changed: lengths, bytes, removed, complete, refused };
}

export function unpackUpdate({ typeUrl, changed, bytes, removed, complete }: PackedUpdate): ResourceUpdate {
  const type = byTypeUrl.get(typeUrl);
  if (type === undefined) throw new TypeError(`${typeUrl} is no type of this program`);
  let end = 0;
  const resources = changed.map(({ name, version, length }) => {
    end += length;
    return { name, version, bytes: bytes.subarray(end - length, end) };
  });
  return { type, changed: resources, removed, complete };
}

export interface IpcSource {
  readonly source: Source;
  /** What came from the primary. `onJudged` runs when it is in force, at once where it is small. */
  deliver(update: PackedUpdate, onJudged: () => void): void;
}

interface Delivery {
  readonly packed: PackedUpdate;
  readonly onJudged: () => void;
}

/** `onDisagreement` hears of resources that only one of primary and worker refused: that must never be. */
export function createIpcSource(prepare: Prepare, onDisagreement: (names: readonly string[]) => void): IpcSource {
  let judge: Judge | null = null;
  // As many as came while one is prepared: the primary sends what it has judged itself, one after another.
  const waiting: Delivery[] = [];
  let isPreparing = false;
  const finish = ({ packed, onJudged }: Delivery, update: ResourceUpdate) => {
    if (judge === null) return;
    const refused = new Set(judge(update).map(({ name }) => name));
    const differing = difference(refused, new Set(packed.refused));
    if (differing.length > 0) onDisagreement(differing);
    onJudged();
  };
  const next = () => {
    for (let delivery = waiting.shift(); delivery !== undefined; delivery = waiting.shift()) {
      const current = delivery;
      const update = unpackUpdate(current.packed);
      const prepared = prepare(update.type, update.changed);
      if (prepared === null) finish(current, update);
      else return void prepared.then(() => finish(current, update)).then(next);
    }
    isPreparing = false;
  };
  return {
    source: (own) => {
      judge = own;
      return () => {
        judge = null;
      };
    },
    deliver(packed, onJudged) {
      waiting.push({ packed, onJudged });
      if (isPreparing) return;
      isPreparing = true;
      next();
    },
  };
}

/** What only one of both holds. */
function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  return [...[...a].filter((name) => !b.has(name)), ...[...b].filter((name) => !a.has(name))];
}
