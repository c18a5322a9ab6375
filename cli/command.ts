// What a command is: one row of the table in commands.ts. `--help`, the parser and the docs are made from it.

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in help: FILE, HOST:PORT. */
  readonly value?: string;
  /** The environment variable that stands for it, where it is not FAIRLEAD_<FLAG>. */
  readonly variable?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;
export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export interface Invocation {
  readonly values: Values;
  /** Operands, and after them whatever stood behind `--`. */
  readonly positionals: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Data. */
  readonly out: Write;
  /** Talk. */
  readonly err: Write;
}

export type Write = (text: string) => void;

/** Resolves with the exit code: 0 ok, 1 a finding or failure, 2 usage, 69 control plane unreachable. */
export type Run = (invocation: Invocation) => Promise<number>;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name in a usage line, e.g. `FILE...`; '' for nothing; `[-- ...]`: only behind `--`. */
  readonly operands: string;
  readonly flags: Flags;
  readonly examples: readonly string[];
  readonly run: Run;
}

/** A command that reads its own arguments, flags included: the two programs. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** Checked before the program is loaded; null: it reads its own. */
  readonly flags: Flags | null;
  /** Those that it reads itself, for help and the docs. */
  readonly ownFlags?: Flags;
  /** It says itself from when on what is hot is compiled; absent: once it is loaded. */
  readonly compilesItself?: true;
  readonly main: () => Promise<(args: string[]) => Promise<void>>;
}

export const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 69 } as const;

/** Said to the user as it is, with an exit code. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failure) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function textFlag(values: Values, name: string): string | null {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function requiredFlag(values: Values, name: string): string {
  const value = textFlag(values, name);
  if (value === null) throw new CommandError(`--${name} is required`, EXIT.usage);
  return value;
}

export function portFlag(values: Values, name: string, fallback: number | null): number | null {
  const text = textFlag(values, name);
  if (text === null) return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new CommandError(`--${name}: ${JSON.stringify(text)} is not a port`, EXIT.usage);
  return port;
}
