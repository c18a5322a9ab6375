// The command `fairlead`: finds the row of the table, reads its flags, runs it, ends with its exit code.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../core/spelling.ts';
import { type Command, CommandError, EXIT, type Flags, type Program, type Values } from './command.ts';
import { COMMANDS, PROGRAMS } from './commands.ts';
import { commandHelp, generalHelp } from './help.ts';

/** Resolves with the exit code. */
export async function runCommandLine(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return helpFor(rest[0]);
  if (name === '--version') return runCommandLine(['version'], environment);
  const program = PROGRAMS.find((row) => row.name === name);
  const command = COMMANDS.find((row) => row.name === name);
  if (program === undefined && command === undefined) return unknown(name);
  try {
    return program !== undefined
      ? await runProgram(program, rest)
      : await runCommand(command as Command, rest, environment);
  } catch (error) {
    return explain(name, error);
  }
}

function helpFor(name: string | undefined): number {
  const row = [...PROGRAMS, ...COMMANDS].find((one) => one.name === name);
  if (name !== undefined && row === undefined) return unknown(name);
  process.stdout.write(row === undefined ? generalHelp(PROGRAMS, COMMANDS) : commandHelp(row));
  return EXIT.ok;
}

async function runProgram(program: Program, args: readonly string[]): Promise<number> {
  if (program.flags !== null && wantsHelp(args)) return helpFor(program.name);
  if (program.flags !== null) checkFlags(args, program.flags);
  await (await program.main())([...args]);
  return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
}

async function runCommand(
  command: Command,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  if (wantsHelp(args)) return helpFor(command.name);
  checkFlags(args, command.flags);
  const { values, positionals } = parseArgs({
    args: [...args],
    options: optionsOf(command.flags),
    allowPositionals: command.operands !== '',
    strict: true,
  });
  return command.run({ values: values as Values, positionals, environment });
}

function wantsHelp(args: readonly string[]): boolean {
  return args.includes('--help') || args.includes('-h');
}

function optionsOf(flags: Flags): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
}

/** parseArgs says that a flag is unknown; this also says which one was meant, and refuses one given twice. */
function checkFlags(args: readonly string[], flags: Flags): void {
  const seen = new Set<string>();
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined) continue;
    const flag = flags[name];
    if (flag === undefined) {
      const meant = nearest(name, Object.keys(flags));
      throw new CommandError(
        `unknown flag --${name}${meant === null ? '' : ` (did you mean --${meant}?)`}`,
        EXIT.usage,
      );
    }
    if (seen.has(name) && flag.multiple !== true) throw new CommandError(`--${name} is given twice`, EXIT.usage);
    seen.add(name);
  }
}

function unknown(name: string): number {
  const meant = nearest(
    name,
    [...PROGRAMS, ...COMMANDS].map((row) => row.name),
  );
  process.stderr.write(
    `fairlead: unknown command "${name}"${meant === null ? '' : ` (did you mean "${meant}"?)`}; \`fairlead --help\` lists them\n`,
  );
  return EXIT.usage;
}

function explain(name: string, error: unknown): number {
  const { message, code } = error as Error & { code?: string };
  const usage = code?.startsWith('ERR_PARSE_ARGS') || (error as Error).constructor.name === 'UsageError';
  process.stderr.write(`${/^\S+:\d+:\d+: /.test(message) ? '' : `fairlead ${name}: `}${message}\n`);
  if (usage || (error instanceof CommandError && error.exitCode === EXIT.usage))
    process.stderr.write(`see \`fairlead ${name} --help\`\n`);
  return error instanceof CommandError ? error.exitCode : usage ? EXIT.usage : EXIT.failure;
}

if (import.meta.main) process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
