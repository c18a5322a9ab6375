// Runs the whole suite, or the files whose path contains one of the arguments. The last lines are the
// totals, also when something failed; the exit code says whether it did.

import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Test files at a time. Two: the suites start programs of their own, and small machines have two cores. */
const CONCURRENCY = 2;

const wanted = process.argv.slice(2);

function chosen(path: string): boolean {
  if (path.startsWith('test/bench/')) return false;
  return wanted.length === 0 || wanted.some((part) => path.includes(part));
}

const files = globSync('{test,examples}/**/*.test.ts', { exclude: (path) => path.includes('node_modules') })
  .filter(chosen)
  .sort();
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}

const totals: string[] = [];
let failed = false;
const events = run({ files, concurrency: CONCURRENCY, isolation: 'process' })
  .on('test:fail', () => {
    failed = true;
  })
  .on('test:diagnostic', ({ nesting, file, message }) => {
    if (nesting === 0 && file === undefined) totals.push(message);
  });
for await (const text of events.compose(spec)) process.stdout.write(text as string);
// The reporter lists failures after the totals; whoever reads the end wants the totals.
if (failed) process.stdout.write(`\n${totals.map((line) => `ℹ ${line}\n`).join('')}`);
process.exitCode = failed ? 1 : 0;
