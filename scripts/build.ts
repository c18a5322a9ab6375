// Compiles the package to a folder (dist unless another is named): what the image and the npm package run.
// Files that are read at run time and are no TypeScript go along.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');
const out = resolve(process.argv[2] ?? join(root, 'dist'));

/** Beside the modules that read them. */
const ASSETS = 'examples/tea-shop/**/*.{html,proto,yaml}';

function compile(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const result = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`tsc failed with ${result.status}`);
}

/** npm links to it, and whoever calls the link calls a program. */
function makeExecutable(file: string): void {
  const text = readFileSync(file, 'utf8');
  if (!text.startsWith('#!')) writeFileSync(file, `#!/usr/bin/env node\n${text}`);
  chmodSync(file, 0o755);
}

rmSync(out, { recursive: true, force: true });
compile();
for (const file of globSync(ASSETS, { cwd: root })) cpSync(join(root, file), join(out, file));
makeExecutable(join(out, 'cli', 'main.js'));
