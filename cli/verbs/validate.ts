// `fairlead validate FILE...`: every mistake in mesh files, offline.

import { existsSync } from 'node:fs';
import { formatErrors, sortErrors } from '../../core/config-error.ts';
import { CONFIG_PLACES, checkMeshFiles, count } from '../../discovery/offline.ts';
import { CommandError, EXIT, type Invocation } from '../command.ts';

export async function run({ positionals, values, environment, out, err }: Invocation): Promise<number> {
  const given =
    positionals.length > 0
      ? positionals
      : [environment['FAIRLEAD_CONFIG'] ?? CONFIG_PLACES.find((place) => existsSync(place)) ?? ''].filter(Boolean);
  if (given.length === 0) throw new CommandError('name a file: fairlead validate mesh.yaml', EXIT.usage);
  const { errors, files, summary } = checkMeshFiles(given, environment);
  if (values['output'] === 'json')
    out(`${JSON.stringify({ valid: errors.length === 0, errors: sortErrors(errors) }, null, 2)}\n`);
  else if (errors.length > 0) out(`${formatErrors(errors)}\n`);
  if (errors.length > 0) {
    err(`${count(errors.length, 'mistake')} in ${count(files.length, 'file')}\n`);
    return EXIT.failure;
  }
  if (values['output'] !== 'json') out(`ok: ${summary}\n`);
  return EXIT.ok;
}
