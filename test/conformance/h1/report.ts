// What the comparison prints, and the page that it writes.

import { table } from '../../../scripts/docs/markdown.ts';
import { CORPUS } from './corpus.ts';

export interface Column {
  readonly name: string;
  /** null: it is not installed. */
  readonly version: string | null;
  /** Id of an entry -> what was wrong. */
  readonly failures: ReadonlyMap<string, string>;
}

const ENTRIES = CORPUS.flatMap(({ entries }) => entries);

export function summary(columns: readonly Column[]): string {
  return columns.map((column) => `\n${summaryOf(column)}`).join('');
}

function summaryOf({ name, version, failures }: Column): string {
  if (version === null) return `${name}: MISSING\n`;
  const passed = ENTRIES.length - failures.size;
  const lines = [...failures].map(([id, why]) => `  ${id.padEnd(8)} ${why.slice(0, 400)}\n`);
  const ids = failures.size === 0 ? '' : `  failed: ${[...failures.keys()].join(' ')}\n`;
  return `${name} ${version}: ${passed} of ${ENTRIES.length} passed, ${failures.size} failed\n${ids}${lines.join('')}`;
}

export function page(columns: readonly Column[], date: Date): string {
  return `<!-- Written by \`npm run conformance\`. -->
# HTTP/1.1 on the wire

How the corpus of \`test/conformance/h1\` ends with us and with other proxies. An entry is what a client or an origin says, and what may become of it: what the other side may see, what the answer may be. It is played whole, cut in two at every place, and byte by byte, each time followed by a request on a new connection and, where the connection stays, by one on the same; **a proxy passes when every play is safe**.

We are held to one outcome (usually the strictest). Others may refuse with any 4xx or 5xx or by closing, and may do whatever else the RFCs leave open; each entry says what that is (\`alsoSafe\`). All have the same duties: forward to one origin, drop names with an underscore, tell the origin who the client is and do not believe the client about it, refuse one path, one field value and answer one host themselves. Envoy and we are started from the same bootstrap, but that we hand trailers on and give clients 30 s to close first, which is the harder of each.

\`npm run conformance\` runs it again and writes this page; \`npm run conformance -- nginx\` for some only; \`npm test -- conformance/h1\` for ours alone.

${date.toISOString().slice(0, 10)}: ${columns.map(({ name, version }) => `${name} ${version ?? 'MISSING'}`).join(', ')}.

## Passed, by group
${groupTable(columns)}
## What fails
${columns.map(failureSection).join('\n')}`;
}

function groupTable(columns: readonly Column[]): string {
  const present = columns.filter(({ version }) => version !== null);
  const rows = CORPUS.map(({ name, entries }) => [
    name,
    String(entries.length),
    ...present.map((c) => passes(c, entries)),
  ]);
  const all = ['**all**', `**${ENTRIES.length}**`, ...present.map((c) => `**${passes(c, ENTRIES)}**`)];
  return table(['group', 'entries', ...present.map(({ name }) => name)], [...rows, all]);
}

function passes({ failures }: Column, entries: readonly { readonly id: string }[]): string {
  return String(entries.filter(({ id }) => !failures.has(id)).length);
}

function failureSection({ name, version, failures }: Column): string {
  if (version === null) return `### ${name}\nIs not installed here.\n`;
  if (failures.size === 0) return `### ${name}\nNothing.\n`;
  const failed = ENTRIES.filter(({ id }) => failures.has(id));
  const rows = failed.map(({ id, means, source }) => [id, means, source, first(failures.get(id) ?? '')]);
  return `### ${name}\n${table(['id', 'what', 'rule', 'what happened'], rows)}`;
}

const MOST_SHOWN = 160;

/** The first difference, in a length that a table can bear; of heads only the first line. */
function first(why: string): string {
  const [, whole = why] = /^cut [^:]*: (.*?)(?:; or |$)/s.exec(why) ?? [];
  const text = whole.replaceAll(/\\r\\n[^"]*/g, ' ...');
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} ...` : text;
}
