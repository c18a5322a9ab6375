// The target mesh-yaml: the text of a mesh file through reading, checking and the references between its
// documents.

import { type ConfigDocument, check, type Environment, readConfig } from '../../../core/config-file.ts';
import { readMesh } from '../../../discovery/catalog/mesh-documents.ts';
import { KINDS } from '../../../discovery/catalog/mesh-schema.ts';
import { survey } from '../survey.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { generateMesh } from './mesh-inputs.ts';
import { checkErrors, comparable } from './positions.ts';

/** Without variables, and with some that say odd things. */
const ENVIRONMENTS: readonly Environment[] = [{}, { PORT: '8080', NAME: 'web', X: '__proto__', EMPTY: '' }];

export const meshYaml: Target = {
  name: 'mesh-yaml',
  extension: 'yaml',
  variants: ENVIRONMENTS.length,
  msPerKib: 15,
  generate: generateMesh,
  run,
};

const FILE = 'mesh.yaml';

function run(input: Buffer, variant: number, effort: Effort): string {
  const text = input.toString();
  const first = read(text, variant);
  if (effort !== 'quick' && read(text, variant).text !== first.text)
    throw new Violation('read otherwise the second time');
  return first.outcome;
}

function read(text: string, variant: number): { readonly outcome: string; readonly text: string } {
  const { documents, errors } = readConfig(text, FILE, ENVIRONMENTS[variant] as Environment);
  const mesh = readMesh(documents);
  const all = [...errors, ...mesh.errors];
  checkErrors(all, text, FILE);
  for (const document of documents) checkFrozen(document);
  if (all.length === 0) documents.forEach(checkKind);
  const result = survey([documents.map(({ value }) => value), mesh.part, comparable(all)]);
  return {
    outcome: outcome(
      documents,
      all.map(({ code }) => code),
    ),
    text: result.text,
  };
}

/** What a schema has passed can be changed by nobody. */
function checkFrozen(document: ConfigDocument): void {
  const { kind } = (document.value ?? {}) as { kind?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) return;
  const checked = check<unknown>(document, KINDS[kind as keyof typeof KINDS]);
  if (checked.ok) survey(checked.value, true);
}

/** A document says of what kind it is, or is one of the short form. */
function checkKind({ value }: ConfigDocument): void {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind !== undefined && !Object.hasOwn(KINDS, String(kind)))
    throw new Violation('a document of no known kind is taken', String(kind));
}

function outcome(documents: readonly ConfigDocument[], codes: readonly string[]): string {
  if (codes.length > 0) return `refused: ${codes[0]}`;
  return documents.length === 0 ? 'nothing in it' : 'taken';
}
