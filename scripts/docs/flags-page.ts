// docs/flags.md: every command and flag, from the tables that the parser reads.

import type { Flag, Flags } from '../../cli/command.ts';
import { COMMANDS, PROGRAMS } from '../../cli/commands.ts';
import { flagsOf, generalHelp } from '../../cli/help.ts';
import { code, GENERATED, table } from './markdown.ts';

export function flagsPage(): string {
  const parts = [
    `${GENERATED}# Commands and flags\n`,
    'Every flag can also be set in the environment: `--xds-address` as `FAIRLEAD_XDS_ADDRESS`; the flag wins. Exit codes: 0 ok, 1 a failure or finding, 2 a mistake on the command line, 69 discovery cannot be reached.\n',
    `\`\`\`\n${generalHelp(PROGRAMS, COMMANDS).trimEnd()}\n\`\`\`\n`,
    ...[...PROGRAMS, ...COMMANDS].map((row) =>
      section(row.name, row.summary, 'operands' in row ? row.operands : '', flagsOf(row) ?? {}, row.examples),
    ),
  ];
  return parts.join('\n');
}

function section(name: string, summary: string, operands: string, flags: Flags, examples: readonly string[]): string {
  const entries = Object.entries(flags);
  const usage = ['fairlead', name, entries.length > 0 ? '[FLAGS]' : '', operands]
    .filter((word) => word !== '')
    .join(' ');
  return [
    `## fairlead ${name}\n`,
    `${capital(summary)}.\n`,
    `\`\`\`sh\n${[usage, ...examples].join('\n')}\n\`\`\`\n`,
    ...(entries.length > 0 ? [table(['flag', 'meaning'], entries.map(flagRow))] : []),
  ].join('\n');
}

function flagRow([name, { short, value, multiple, help }]: [string, Flag]): string[] {
  const long = `--${name}${value === undefined ? '' : ` ${value}`}`;
  const spelled = short === undefined ? code(long) : `${code(`-${short}`)}, ${code(long)}`;
  return [spelled + (multiple === true ? ' (several)' : ''), help];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
