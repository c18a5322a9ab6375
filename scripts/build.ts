// Makes the folder that the image and the npm package run (dist unless another is named): the programs as a few
// large modules, and beside them, file by file, what others import (client) and the demo with its services.
// Files that are read at run time and are no TypeScript go along.
//
// A proxy at rest holds what it has loaded. Six hundred small modules are 10 MB more than a few large ones, most of it
// texts with comments and parts of libraries that nobody calls.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const out = resolve(process.argv[2] ?? join(root, 'dist'));

/** Beside the modules that read them. */
const ASSETS = 'examples/tea-shop/**/*.{html,proto,yaml}';
const DEMO = '../examples/tea-shop/main';
/** They read files of their own, or patch what others load; and none of them is for every sidecar. */
const LEFT_AS_PACKAGES = ['@grpc/*', '@opentelemetry/*', '@peculiar/x509', 'prom-client', 'reflect-metadata'];

function compile(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const result = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`tsc failed with ${result.status}`);
}

/** All modules that are not entries lie in one folder, as deep as the sources: relative paths mean the same. */
async function bundle(): Promise<void> {
  await build({
    absWorkingDir: root,
    outdir: out,
    entryPoints: { 'cli/main': 'cli/main.ts', 'program/worker': 'sidecar/worker.ts' },
    chunkNames: 'program/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: LEFT_AS_PACKAGES,
    plugins: [demoStaysOutside, lightBuiltins],
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: 'linked',
    // Some libraries are CommonJS and ask for Node's modules; everything else that they ask for is in the bundle.
    banner: { js: 'const require = process.getBuiltinModule;' },
    logLevel: 'warning',
  });
}

/** It starts its services as programs, by the path of their files. */
const demoStaysOutside: Plugin = {
  name: 'demo-stays-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/examples\/tea-shop\/main\.ts$/ }, () => ({ path: `${DEMO}.js`, external: true }));
  },
};

/** npm links to it, and whoever calls the link calls a program. */
function makeExecutable(file: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, `#!/usr/bin/env node\n${text}`);
  chmodSync(file, 0o755);
}

/**
 * An import of one of Node's modules evaluates all that it exports, and so loads what hangs behind lazy properties: of
 * node:fs all of its promises, readline and a REPL's history, 4 MB. Asked for by name, it gives what was asked for.
 */
const lightBuiltins: Plugin = {
  name: 'light-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/, namespace: 'file' }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin', sideEffects: false } : { path, external: true },
    );
    onResolve({ filter: /^lazy:/ }, ({ path }) => ({ path, namespace: 'lazy', sideEffects: false }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: exportsOf(path) }));
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({ contents: lazyExport(path) }));
  },
};

/** Each export is left out where nobody imports it; a lazy property has a module of its own, for those who do. */
function exportsOf(name: string): string {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(name) ?? {}));
  const lines = properties
    .filter(([key]) => /^[A-Za-z_]\w*$/.test(key) && key !== 'default')
    .map(([key, { get }]) =>
      get === undefined
        ? `export const ${key} = /* @__PURE__ */ pick('${key}');`
        : `export { value as ${key} } from 'lazy:${name}#${key}';`,
    );
  return `const all = process.getBuiltinModule('${name}');
const pick = (key) => all[key];
${lines.join('\n')}
export default all;
`;
}

function lazyExport(path: string): string {
  const [, name, key] = /^lazy:(.*)#(.*)$/.exec(path) ?? [];
  return `export const value = /* @__PURE__ */ (() => process.getBuiltinModule('${name}').${key})();`;
}

rmSync(out, { recursive: true, force: true });
compile();
for (const file of globSync(ASSETS, { cwd: root })) cpSync(join(root, file), join(out, file));
await bundle();
makeExecutable(join(out, 'cli', 'main.js'));
