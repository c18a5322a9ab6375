// `fairlead status`: who is connected to discovery, what each holds, and what it refused and why.

import { CommandError, EXIT, type Invocation, textFlag } from '../command.ts';
import { fetchPage } from '../fetch.ts';

interface RefusedResource {
  readonly name: string;
  readonly reason: string;
}
interface TypeStatus {
  readonly type: string;
  readonly state: string;
  readonly refused: readonly RefusedResource[];
}
interface Client {
  readonly nodeId: string;
  readonly cluster: string;
  readonly userAgent: string;
  readonly address: string;
  readonly identity: string;
  readonly types: readonly TypeStatus[];
}
interface ConfigMistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const COLUMNS = ['CDS', 'EDS', 'LDS', 'RDS', 'SDS'];
const TIMEOUT_MS = 5000;

export async function run({ values, environment, out }: Invocation): Promise<number> {
  const server = textFlag(values, 'server') ?? environment['FAIRLEAD_SERVER'] ?? '127.0.0.1:15014';
  const [{ clients }, { errors }] = await Promise.all([
    fetchJson<{ clients: Client[] }>(server, '/clients'),
    fetchJson<{ errors: ConfigMistake[] }>(server, '/errors'),
  ]);
  const healthy =
    errors.length === 0 && clients.every((client) => client.types.every((type) => type.refused.length === 0));
  if (values['output'] === 'json') out(`${JSON.stringify({ clients, configErrors: errors }, null, 2)}\n`);
  else out(`${table(clients)}${refusals(clients)}${mistakes(errors)}`);
  return healthy ? EXIT.ok : EXIT.failure;
}

/** By name, so that two looks can be compared. */
function table(clients: readonly Client[]): string {
  const head = ['NODE', 'SERVICE', 'AGENT', ...COLUMNS, 'IDENTITY'];
  const sorted = [...clients].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const rows = sorted.map((client) => [
    client.nodeId,
    client.cluster,
    client.userAgent,
    ...COLUMNS.map((column) => stateOf(client, column)),
    client.identity || '-',
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)));
  return [head, ...rows]
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function stateOf(client: Client, column: string): string {
  return (client.types.find((type) => type.type === column)?.state ?? '-').toUpperCase();
}

function refusals(clients: readonly Client[]): string {
  const lines = clients.flatMap((client) =>
    client.types.flatMap((type) =>
      type.refused.map(
        (one) => `${client.nodeId} refused ${type.type} ${one.name || '(a resource it did not name)'}: ${one.reason}`,
      ),
    ),
  );
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

function mistakes(errors: readonly ConfigMistake[]): string {
  if (errors.length === 0) return '';
  const lines = errors.map((error) => `${error.file}:${error.line}:${error.column}: ${error.message}`);
  return `\nthe mesh file has mistakes; the last good one is in force:\n${lines.join('\n')}\n`;
}

async function fetchJson<T>(server: string, path: string): Promise<T> {
  const page = await fetchPage(`http://${server}${path}`, TIMEOUT_MS).catch((error: Error) => error);
  if (!(page instanceof Error) && page.status === 200) return JSON.parse(page.body) as T;
  const reason = page instanceof Error ? page.message : `it answered ${page.status}`;
  throw new CommandError(
    `discovery at ${server} cannot be reached (${reason}); is it running? name another with --server`,
    EXIT.unreachable,
  );
}
