// `fairlead sidecar`: reads the bootstrap, says what is wrong with it, or runs until it is told to stop.

import { readFileSync } from 'node:fs';
import { compile, tuneCompiler } from '../core/compiler.ts';
import { loadConfig } from './config.ts';
import { runSidecar } from './sidecar.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** A bootstrap beyond that is read sooner where its decoders are compiled: 6,000 clusters in 6 s instead of 10. */
const MOST_INTERPRETED_BYTES = 256 * 1024;

export async function main(args: string[]): Promise<void> {
  tuneCompiler();
  const files = new Map<string, Buffer>();
  const result = loadConfig(args, process.env, (path) => {
    const bytes = readFileSync(path);
    if (bytes.length > MOST_INTERPRETED_BYTES) compile();
    files.set(path, bytes);
    return bytes;
  });
  if (!result.ok) {
    process.stderr.write(`${result.text.trimEnd()}\n`);
    process.exitCode = result.kind === 'usage' ? EXIT_USAGE : EXIT_FAILURE;
    return;
  }
  const { config } = result;
  if (config.mode === 'validate') {
    for (const warning of config.warnings) process.stderr.write(`${warning.trimEnd()}\n`);
    process.stdout.write(`configuration '${config.configPath ?? '--config-yaml'}' OK\n`);
    return;
  }
  await runSidecar(config, { args, files });
}
