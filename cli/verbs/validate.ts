// `fairlead validate FILE...`: every mistake in mesh files, offline.

import { existsSync } from 'node:fs';
import { formatErrors, sortErrors } from '../../core/config-error.ts';
import { CONFIG_PLACES, meshFiles, readMeshFiles } from '../../discovery/catalog/file-source.ts';
import { CommandError, EXIT, type Invocation } from '../command.ts';

export async function run({ positionals, values, environment }: Invocation): Promise<number> {
  const given = positionals.length > 0 ? positionals : [environment['FAIRLEAD_CONFIG'] ?? CONFIG_PLACES.find((place) => existsSync(place)) ?? ''].filter(Boolean);
  if (given.length === 0) throw new CommandError('name a file: fairlead validate mesh.yaml', EXIT.usage);
  const { errors, catalog } = readMeshFiles(given, environment);
  if (values['output'] === 'json') process.stdout.write(`${JSON.stringify({ valid: errors.length === 0, errors: sortErrors(errors) }, null, 2)}\n`);
  else if (errors.length > 0) process.stdout.write(`${formatErrors(errors)}\n`);
  if (errors.length > 0) {
    process.stderr.write(`${errors.length} ${errors.length === 1 ? 'mistake' : 'mistakes'} in ${meshFiles(given).length} ${meshFiles(given).length === 1 ? 'file' : 'files'}\n`);
    return EXIT.failure;
  }
  if (values['output'] !== 'json') process.stdout.write(`ok: ${catalog.services.size} services, ${catalog.routes.length} routes, ${catalog.gateways.size} gateways\n`);
  return EXIT.ok;
}
