// The figures of one bench as JSON, with the machine and the day they are from.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeMachine } from './machine.ts';
import { canPin } from './processes.ts';

export function writeResult(path: string, figures: Readonly<Record<string, unknown>>): void {
  const machine = describeMachine();
  const result = { date: new Date().toISOString(), machine, pinned: canPin, ...figures };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`\n${machine.text}\nwritten to ${path}\n`);
}
