// DataSource: bytes that stand in the configuration, in a file or in the environment. Read once, when
// the resource is decoded.

import type { DataSource } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { DataSourceSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import { reasonOf } from '../../errors.ts';
import { Fields } from './fields.ts';

/** Larger files are refused. */
export const MOST_DATA_BYTES = 4 * 1024 * 1024;

/** The bytes, or null after a report. */
export function decodeData(f: Fields<typeof DataSourceSchema>): Buffer | null {
  const specifier = f.take('specifier');
  f.note('watchedDirectory', 'files are read once; changes in the directory are not followed');
  f.end();
  switch (specifier.case) {
    case 'inlineString':
      return Buffer.from(specifier.value);
    case 'inlineBytes':
      return Buffer.from(specifier.value);
    case 'environmentVariable':
      return fromEnvironment(f, specifier.value);
    case 'filename':
      return fromFile(f, specifier.value);
    case undefined:
      return null;
  }
}

function fromEnvironment(f: Fields<typeof DataSourceSchema>, name: string): Buffer | null {
  const value = f.context.environment[name];
  if (value !== undefined) return Buffer.from(value);
  f.invalid('environmentVariable', `environment variable ${name} is not set`);
  return null;
}

function fromFile(f: Fields<typeof DataSourceSchema>, path: string): Buffer | null {
  try {
    const bytes = f.context.readFile(path);
    if (bytes.length <= MOST_DATA_BYTES) return bytes;
    f.invalid('filename', `${path} is larger than ${MOST_DATA_BYTES} bytes`);
  } catch (error) {
    f.invalid('filename', `cannot read ${path}: ${reasonOf(error)}`);
  }
  return null;
}

/** The bytes of an optional DataSource field as text; null where it is absent or was refused. */
export function decodeText(
  parent: { at(name: string): string; context: Fields<typeof DataSourceSchema>['context'] },
  name: string,
  source: DataSource | undefined,
): string | null {
  if (source === undefined) return null;
  return decodeData(new Fields(DataSourceSchema, source, parent.at(name), parent.context))?.toString('utf8') ?? null;
}
