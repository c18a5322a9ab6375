// Compiles proto/**.proto to a folder (proto/gen unless another is named). The result is committed, and
// test/proto checks that it is current. Needs no network: buf and protoc-gen-es come from node_modules.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules', '.bin');
const out = path.resolve(process.argv[2] ?? path.join(root, 'proto', 'gen'));

/** buf looks for its plugin on PATH, and the plugin's first line for a `node`. */
function environment(): NodeJS.ProcessEnv {
  const places = [bin, path.dirname(process.execPath), process.env['PATH'] ?? ''];
  return { ...process.env, PATH: places.join(path.delimiter) };
}

function compile(): void {
  const template = {
    version: 'v2',
    clean: true,
    plugins: [
      {
        local: path.join(bin, 'protoc-gen-es'),
        out,
        opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
      },
    ],
  };
  const options = { cwd: path.join(root, 'proto'), env: environment(), stdio: 'inherit' as const };
  const result = spawnSync(path.join(bin, 'buf'), ['generate', '--template', JSON.stringify(template)], options);
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`buf generate failed with ${result.status}`);
}

/** One module that names every generated file, so that no message is forgotten in the registry. */
function writeIndex(): void {
  const files = fs
    .readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('_pb.ts'))
    .sort();
  const symbol = (file: string) => `file_${file.slice(0, -'_pb.ts'.length).replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  const lines = files.map((file) => `import { ${symbol(file)} } from './${file}';`);
  const list = files.map((file) => `  ${symbol(file)},`);
  const head = '// Every generated file. Written by scripts/generate-proto.ts; never edited.\n\n';
  fs.writeFileSync(
    path.join(out, 'files.ts'),
    `${head}${lines.join('\n')}\n\nexport const files = [\n${list.join('\n')}\n];\n`,
  );
}

compile();
writeIndex();
