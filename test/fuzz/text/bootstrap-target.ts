// The target bootstrap: the text of a bootstrap file through reading, merging and decoding, to what a sidecar
// starts with.

import { type BootstrapText, readBootstrap, type ReadBootstrap } from '../../../sidecar/xds/bootstrap/read.ts';
import { survey } from '../survey.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { generateBootstrap } from './bootstrap-inputs.ts';
import { checkErrors, comparable } from './positions.ts';

interface Variant {
  readonly file: string;
  readonly lenient: boolean;
  /** What `--config-yaml` lays over the file. */
  readonly over: string | null;
}

/** By the rules of YAML and of JSON, strict and with what `--allow-...` permits, alone and with a second text. */
const VARIANTS: readonly Variant[] = [
  { file: 'bootstrap.yaml', lenient: false, over: null },
  { file: 'bootstrap.yaml', lenient: true, over: null },
  { file: 'bootstrap.json', lenient: false, over: null },
  { file: 'bootstrap.yaml', lenient: true, over: '{node: {id: over, cluster: over}, static_resources: {}}\n' },
];

export const bootstrap: Target = {
  name: 'bootstrap',
  extension: 'yaml',
  variants: VARIANTS.length,
  msPerKib: 15,
  generate: generateBootstrap,
  run,
};

function run(input: Buffer, variant: number, effort: Effort): string {
  const text = input.toString();
  const options = VARIANTS[variant] as Variant;
  const first = read(text, options);
  const described = check(first, text, options);
  if (effort !== 'quick' && check(read(text, options), text, options) !== described)
    throw new Violation('read otherwise the second time');
  return first.ok ? 'taken' : `refused: ${first.errors[0]?.code}`;
}

function read(text: string, { file, lenient, over }: Variant): ReadBootstrap {
  const texts: BootstrapText[] = [{ file, text }, ...(over === null ? [] : [{ file: OVER, text: over }])];
  return readBootstrap(texts, {
    allowUnknown: lenient,
    allowUnsupported: lenient,
    node: {},
    environment: { HOME: '/nonexistent' },
    readFile: noFile,
  });
}

const OVER = '--config-yaml';

/** Whatever an input names, nothing is read. */
function noFile(path: string): Buffer {
  throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' });
}

/** A text that is equal for equal results. */
function check(result: ReadBootstrap, text: string, { file, over }: Variant): string {
  if (result.ok) {
    const { bootstrap: _message, ...plain } = result.value;
    return survey(plain).text;
  }
  if (result.errors.length === 0) throw new Violation('refused without a reason');
  const inFile = result.errors.filter((error) => error.file === file);
  const inOver = result.errors.filter((error) => error.file !== file);
  checkErrors(inFile, text, file);
  checkErrors(inOver, over ?? '', OVER);
  return survey(comparable(result.errors)).text;
}
