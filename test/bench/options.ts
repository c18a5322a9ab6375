// The flags of the bench.

import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run bench -- [micro [NAME]] [FLAGS]

  --rounds N       rounds, peers taking turns in each; the median counts (default 5)
  --seconds N      length of one measurement (default 4)
  --quick          1 round of 1 second: does everything start?
  --only WORDS     of these scenarios and peers only, divided by commas: plain, pair, large, fairlead, envoy, nginx, haproxy
  --connections N  keep-alive connections (default 64)
  --json FILE      where the figures go (default .bench/result.json)
  --help
`;

export interface MacroOptions {
  readonly kind: 'macro';
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly connections: number;
  readonly only: readonly string[];
  readonly json: string;
}

export interface MicroOptions {
  readonly kind: 'micro';
  /** Part of a name; '' for all. */
  readonly only: string;
}

/** null: help was asked for. Throws for what is no flag or no number. */
export function readOptions(args: readonly string[]): MacroOptions | MicroOptions | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      connections: { type: 'string', default: '64' },
      only: { type: 'string', default: '' },
      json: { type: 'string', default: '.bench/result.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (positionals[0] === 'micro') return { kind: 'micro', only: positionals[1] ?? '' };
  if (positionals.length > 0)
    throw new Error(`${positionals[0]}? There is "micro", and without a word the whole proxies`);
  const seconds = values.quick ? 1 : wholeNumber('seconds', values.seconds);
  return {
    kind: 'macro',
    rounds: values.quick ? 1 : wholeNumber('rounds', values.rounds),
    seconds,
    warmupSeconds: values.quick ? 1 : 5,
    connections: wholeNumber('connections', values.connections),
    only: values.only.split(',').filter((word) => word !== ''),
    json: values.json,
  };
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${flag}: "${text}" is not a whole number of 1 and more`);
  return value;
}
