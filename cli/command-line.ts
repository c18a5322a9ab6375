// From arguments to an exit code: finds the row of the table, reads its flags, runs it.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { compile } from '../core/compiler.ts';
import { nearest } from '../core/spelling.ts';
import { type Command, CommandError, EXIT, type Flags, type Program, type Values, type Write } from './command.ts';
import { COMMANDS, PROGRAMS } from './commands.ts';
import { commandHelp, flagsOf, generalHelp } from './help.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the command talks to. */
export interface Console {
  readonly environment: Environment;
  readonly out: Write;
  readonly err: Write;
}

/** Resolves with the exit code. */
export async function runCommandLine(args: readonly string[], console: Console): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return helpFor(rest[0], console);
  if (name === '--version') return runCommandLine(['version'], console);
  const program = PROGRAMS.find((row) => row.name === name);
  const command = COMMANDS.find((row) => row.name === name);
  if (program === undefined && command === undefined) return unknown(name, console);
  try {
    return program !== undefined
      ? await runProgram(program, rest, console)
      : await runCommand(command as Command, rest, console);
  } catch (error) {
    return explain(name, error, console);
  }
}

function helpFor(name: string | undefined, console: Console): number {
  const row = [...PROGRAMS, ...COMMANDS].find((one) => one.name === name);
  if (name !== undefined && row === undefined) return unknown(name, console);
  console.out(row === undefined ? generalHelp(PROGRAMS, COMMANDS) : commandHelp(row));
  return EXIT.ok;
}

async function runProgram(program: Program, args: readonly string[], console: Console): Promise<number> {
  if (flagsOf(program) !== null && wantsHelp(args)) return helpFor(program.name, console);
  if (program.flags !== null) checkFlags(args, program.flags);
  const main = await program.main();
  if (program.compilesItself !== true) compile();
  await main([...args]);
  return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
}

async function runCommand(command: Command, args: readonly string[], console: Console): Promise<number> {
  const dashes = args.indexOf('--');
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const behind = dashes < 0 ? [] : args.slice(dashes + 1);
  if (wantsHelp(own)) return helpFor(command.name, console);
  checkFlags(own, command.flags);
  const { values, positionals } = parseArgs({
    args: [...own],
    options: optionsOf(command.flags),
    allowPositionals: command.operands !== '' && !command.operands.startsWith('[--'),
    strict: true,
  });
  if (command.operands === '' && behind.length > 0) throw new CommandError('nothing may follow --', EXIT.usage);
  const all = { ...fromEnvironment(command.flags, console.environment), ...(values as Values) };
  return command.run({ values: all, positionals: [...positionals, ...behind], ...console });
}

/** FAIRLEAD_<FLAG> stands for a flag that is not given. */
function fromEnvironment(flags: Flags, environment: Environment): Values {
  const given = Object.entries(flags).flatMap(([name, { type, variable }]) => {
    const value = environment[variable ?? `FAIRLEAD_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value === undefined || value === '') return [];
    return [[name, type === 'boolean' ? ['1', 'true', 'yes'].includes(value) : value]];
  });
  return Object.fromEntries(given) as Values;
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

function unknown(name: string, console: Console): number {
  const meant = nearest(
    name,
    [...PROGRAMS, ...COMMANDS].map((row) => row.name),
  );
  console.err(
    `fairlead: unknown command "${name}"${meant === null ? '' : ` (did you mean "${meant}"?)`}; \`fairlead --help\` lists them\n`,
  );
  return EXIT.usage;
}

function explain(name: string, error: unknown, console: Console): number {
  const { message, code } = error as Error & { code?: string };
  const usage = code?.startsWith('ERR_PARSE_ARGS') || (error as Error).constructor.name === 'UsageError';
  console.err(`${/^\S+:\d+:\d+: /.test(message) ? '' : `fairlead ${name}: `}${message}\n`);
  if (usage || (error instanceof CommandError && error.exitCode === EXIT.usage))
    console.err(`see \`fairlead ${name} --help\`\n`);
  return error instanceof CommandError ? error.exitCode : usage ? EXIT.usage : EXIT.failure;
}
