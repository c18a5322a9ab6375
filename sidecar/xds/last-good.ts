// The last good configuration on disk: what a sidecar starts from when discovery is not there. Holds the
// accepted resources as they came; private keys are never written.

import { createHash } from 'node:crypto';
import fs, { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { byTypeUrl, SECRET } from '../../proto/resources.ts';
import { reasonOf } from '../errors.ts';
import type { ResourceUpdate } from './source.ts';

const FILE = 'last-good.json';
const FORMAT = 1;
/** Larger files are not read. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface LastGood {
  /** What was saved, in order of delivery; nothing where there is no file or a broken one (reported). */
  load(): readonly ResourceUpdate[];
  /** Replaces what is on disk. Resolves when it is there for good; a newer save supersedes a waiting one. */
  save(updates: readonly ResourceUpdate[]): Promise<void>;
}

interface Stored {
  readonly format: number;
  readonly digest: string;
  readonly types: readonly StoredType[];
}

interface StoredType {
  readonly typeUrl: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly bytes: string }[];
}

/** `report` hears of what cannot be read or written; the sidecar goes on without. */
export function openLastGood(dir: string, report: (message: string) => void): LastGood {
  const file = path.join(dir, FILE);
  let waiting: readonly ResourceUpdate[] | null = null;
  let writing: Promise<void> | null = null;
  const drain = async () => {
    while (waiting !== null) {
      const updates = waiting;
      waiting = null;
      await write(dir, file, updates).catch((error: unknown) =>
        report(`${file} cannot be written: ${reasonOf(error)}`),
      );
    }
    writing = null;
  };
  return {
    load: () => load(file, report),
    save(updates) {
      waiting = updates;
      writing ??= drain();
      return writing;
    },
  };
}

function load(file: string, report: (message: string) => void): readonly ResourceUpdate[] {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MOST_BYTES) throw new Error('it is too large');
    return parse(bytes.toString('utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') report(`${file} is ignored: ${(error as Error).message}`);
    return [];
  }
}

function parse(text: string): readonly ResourceUpdate[] {
  const stored = JSON.parse(text) as Stored;
  if (stored.format !== FORMAT) throw new Error(`it is of format ${stored.format}, not ${FORMAT}`);
  if (stored.digest !== digestOf(stored.types)) throw new Error('its content does not agree with its digest');
  const updates = stored.types.flatMap(({ typeUrl, resources }) => {
    const type = byTypeUrl.get(typeUrl);
    if (type === undefined) return [];
    const changed = resources.map(({ name, version, bytes }) => ({
      name,
      version,
      bytes: Buffer.from(bytes, 'base64'),
    }));
    return [{ type, changed, removed: [], complete: type.fullState }];
  });
  return updates.sort((a, b) => a.type.deliveryOrder - b.type.deliveryOrder);
}

function digestOf(types: readonly StoredType[]): string {
  return createHash('sha256').update(JSON.stringify(types)).digest('hex');
}

/** A crash at any point leaves the old file or the new one, whole. */
async function write(dir: string, file: string, updates: readonly ResourceUpdate[]): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const types = updates.map(toStored);
  const stored: Stored = { format: FORMAT, digest: digestOf(types), types };
  const fresh = `${file}.new`;
  const handle = await fs.promises.open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(stored));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.promises.rename(fresh, file);
  const folder = await fs.promises.open(dir, 'r');
  await folder.sync().finally(() => folder.close());
}

function toStored({ type, changed }: ResourceUpdate): StoredType {
  const resources = type === SECRET ? changed.filter(({ bytes }) => isPublic(bytes)) : changed;
  return {
    typeUrl: type.typeUrl,
    resources: resources.map(({ name, version, bytes }) => ({
      name,
      version,
      bytes: Buffer.from(bytes).toString('base64'),
    })),
  };
}

/** Only trust bundles; anything that could hold a key stays in memory. */
function isPublic(secret: Uint8Array): boolean {
  return fromBinary(SecretSchema, secret).type.case === 'validationContext';
}
