// Help, printed from the table of commands.

import type { Command, Flags, Program } from './command.ts';

export function generalHelp(programs: readonly Program[], commands: readonly Command[]): string {
  const rows = [...programs, ...commands];
  const width = Math.max(...rows.map((row) => row.name.length));
  const lines = rows.map((row) => `  ${row.name.padEnd(width)}  ${row.summary}`);
  return `fairlead: a service mesh\n\nUsage: fairlead COMMAND [FLAGS]\n\n${lines.join('\n')}\n\n\`fairlead COMMAND --help\` tells more of each. Every flag can also be set as FAIRLEAD_<FLAG>.\n`;
}

export function commandHelp(row: Command | Program): string {
  const operands = 'operands' in row && row.operands !== '' ? ` ${row.operands}` : '';
  const known = flagsOf(row);
  const flags = known === null ? '' : flagLines(known);
  const examples = row.examples.map((example) => `  ${example}`).join('\n');
  return `fairlead ${row.name}: ${row.summary}\n\nUsage: fairlead ${row.name}${flags === '' ? '' : ' [FLAGS]'}${operands}\n${flags === '' ? '' : `\n${flags}\n`}\nExamples:\n${examples}\n`;
}

/** null: the program says itself what it takes. */
export function flagsOf(row: Command | Program): Flags | null {
  return row.flags ?? ('ownFlags' in row ? (row.ownFlags ?? null) : null);
}

function flagLines(flags: Flags): string {
  const left = Object.entries(flags).map(
    ([name, flag]) =>
      `${flag.short === undefined ? '    ' : `-${flag.short}, `}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`,
  );
  const width = Math.max(0, ...left.map((text) => text.length));
  return Object.values(flags)
    .map((flag, i) => `  ${(left[i] as string).padEnd(width)}  ${flag.help}`)
    .join('\n');
}
