// The words and flags of `npm run fuzz`.

import { parseArgs } from 'node:util';
import { TARGET_NAMES, type TargetName } from './target.ts';

export const USAGE = `Usage: npm run fuzz -- TARGET [FLAGS]

TARGET is one of ${TARGET_NAMES.join(', ')}.

  --executions N  inputs to make and run (default 100000)
  --seconds N     stop after so long, however many were run
  --seed N        another seed gives other inputs (default 1)
  --from N        number of the first execution (default 0): with --executions 1, one input again
  --into FOLDER   where findings are kept (default test/fuzz/seeds/TARGET)
  --help
`;

export interface FuzzOptions {
  readonly target: TargetName;
  readonly executions: number;
  /** Infinity: no limit. */
  readonly seconds: number;
  readonly seed: number;
  readonly from: number;
  /** null: with the seeds. */
  readonly into: string | null;
}

/** null: help was asked for. Throws for what is no target, no flag or no number. */
export function readOptions(args: readonly string[]): FuzzOptions | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      executions: { type: 'string', default: '100000' },
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      into: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  return {
    target: targetOf(positionals),
    executions: wholeNumber('executions', values.executions),
    seconds: values.seconds === undefined ? Number.POSITIVE_INFINITY : wholeNumber('seconds', values.seconds),
    seed: wholeNumber('seed', values.seed),
    from: wholeNumber('from', values.from),
    into: values.into ?? null,
  };
}

function targetOf(words: readonly string[]): TargetName {
  const target = TARGET_NAMES.find((name) => name === words[0]);
  if (target === undefined || words.length > 1)
    throw new Error(`name one target of ${TARGET_NAMES.join(', ')}, not "${words.join(' ')}"`);
  return target;
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`--${flag}: "${text}" is not a whole number of 0 and more`);
  return value;
}
