// `fairlead version`.

import type { Invocation } from '../command.ts';
import { packageVersion } from '../version.ts';

export async function run({ values, out }: Invocation): Promise<number> {
  const version = packageVersion();
  out(
    values['output'] === 'json'
      ? `${JSON.stringify({ version, node: process.versions.node })}\n`
      : `fairlead ${version} (node ${process.versions.node})\n`,
  );
  return 0;
}
