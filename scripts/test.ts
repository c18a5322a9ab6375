// Runs the whole suite, or the files whose path contains one of the arguments. The last lines are the
// totals, also when something failed; the exit code says whether it did.

import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Test files at a time. Two: the suites start programs of their own, and small machines have two cores. */
const CONCURRENCY = 2;

/** Asks for most of a machine: runs after the others, by itself. */
const ALONE = 'change-under-load';

const wanted = process.argv.slice(2);

function chosen(path: string): boolean {
  return wanted.length === 0 || wanted.some((part) => path.includes(part));
}

const files = globSync('{test,examples}/**/*.test.ts', { exclude: (path) => path.includes('node_modules') })
  .filter(chosen)
  .sort();
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}

/** What the runner says at the end, summed where it ran more than once: `tests 12`. */
const totals = new Map<string, number>();
let failed = false;

function count(total: string): void {
  const [, name, value] = /^(\w+) ([\d.]+)$/.exec(total) ?? [];
  if (name !== undefined) totals.set(name, (totals.get(name) ?? 0) + Number(value));
}

async function runAll(some: readonly string[], concurrency: number): Promise<void> {
  if (some.length === 0) return;
  const events = run({ files: [...some], concurrency, isolation: 'process' })
    .on('test:fail', () => {
      failed = true;
    })
    .on('test:diagnostic', ({ nesting, file, message }) => {
      if (nesting === 0 && file === undefined) count(message);
    });
  for await (const text of events.compose(spec)) process.stdout.write(text as string);
}

const [alone, together] = [files.filter((file) => file.includes(ALONE)), files.filter((file) => !file.includes(ALONE))];
await runAll(together, CONCURRENCY);
await runAll(alone, 1);
// Of all runs, and after the failures: whoever reads the end wants the totals.
if (failed || (alone.length > 0 && together.length > 0)) {
  process.stdout.write(`\n${[...totals].map(([name, value]) => `ℹ ${name} ${value}\n`).join('')}`);
}
process.exitCode = failed ? 1 : 0;
