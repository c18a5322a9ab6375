// What the command line can do without a running discovery: check files, print the schema, make tokens.

import type { ConfigError } from '../core/config-error.ts';
import type { Environment } from '../core/config-file.ts';
import { makeToken, tokenKey } from './ca/tokens.ts';
import { CONFIG_PLACES, meshFiles, readMeshFiles } from './catalog/file-source.ts';
import { meshJsonSchema } from './catalog/mesh-schema.ts';

export { CONFIG_PLACES, meshJsonSchema };

export interface MeshCheck {
  readonly files: readonly string[];
  readonly errors: readonly ConfigError[];
  /** In words, what the mesh consists of. */
  readonly summary: string;
}

/** Everything that is wrong in mesh files. */
export function checkMeshFiles(paths: readonly string[], environment: Environment): MeshCheck {
  const { catalog, errors } = readMeshFiles(paths, environment);
  const summary = [
    count(catalog.services.size, 'service'),
    count(catalog.routes.length, 'route'),
    count(catalog.gateways.size, 'gateway'),
  ].join(', ');
  return { files: meshFiles(paths), errors, summary };
}

export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** A join token for `ns/<namespace>/sa/<service>` with the key of a data folder, good until `expires` (wall ms). */
export function joinToken(dataDir: string, subject: string, expires: number): string {
  return makeToken(tokenKey(dataDir), { sub: subject, exp: Math.floor(expires / 1000) });
}
