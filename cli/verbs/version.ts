// `fairlead version`.

import { readFileSync } from 'node:fs';
import type { Invocation } from '../command.ts';

/** The package's version: package.json stands beside the sources, and one folder further up when compiled. */
export function packageVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}

export async function run({ values }: Invocation): Promise<number> {
  const version = packageVersion();
  process.stdout.write(
    values['output'] === 'json'
      ? `${JSON.stringify({ version, node: process.versions.node })}\n`
      : `fairlead ${version} (node ${process.versions.node})\n`,
  );
  return 0;
}
