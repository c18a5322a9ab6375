// `npm run fuzz -- TARGET`: makes inputs by the thousand, runs each through every property of its target, and
// keeps what breaks one. docs/how-to/fuzz.md says how to read it.

import { relative } from 'node:path';
import { type FuzzOptions, readOptions, USAGE } from './options.ts';
import { fuzz, type Kept, mib, type Summary } from './run.ts';

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tellOutcomes({ executions, seconds, outcomes, heap, longest, peak, kept }: Summary): void {
  const speed = Math.round(executions / seconds);
  tell(
    `\n${executions} executions in ${Math.round(seconds)} s, ${speed}/s; heap ${mib(heap[0])} to ${mib(heap[1])} MiB`,
  );
  const count = (kind: RegExp) => kept.filter(({ found }) => kind.test(found.kind)).length;
  tell(`findings ${kept.length}: crashes ${count(CRASH)}, hangs ${count(/^hangs/)}, slow ${count(/^slow/)}`);
  tell(`longest input ${Math.round(longest.ms)} ms (number ${longest.execution}), peak memory ${mib(peak)} MiB`);
  const all = [...outcomes].sort((a, b) => b[1] - a[1]);
  for (const [outcome, count] of all) tell(`  ${((100 * count) / executions).toFixed(2).padStart(6)} %  ${outcome}`);
}

/** What no reader declares: an exception, or the end of the thread. */
const CRASH = /^(?:threw|ends the program)/;

function tellFinding({ found, path }: Kept, { target, seed }: FuzzOptions): void {
  const times = found.count === 1 ? 'once' : `${found.count} times`;
  tell(`\n${path === null ? 'known' : 'FOUND'}: ${found.kind}, ${times}`);
  if (path === null) return;
  tell(`  ${found.message.slice(0, 600).replaceAll('\n', '\n  ')}`);
  tell(`  kept as ${relative('.', path)}`);
  tell(`  again: npm run fuzz -- ${target} --seed ${seed} --from ${found.execution} --executions 1`);
}

async function main(options: FuzzOptions): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const summary = await fuzz(options, tell, stop.signal);
  tellOutcomes(summary);
  for (const kept of summary.kept) tellFinding(kept, options);
  if (summary.kept.some(({ path }) => path !== null)) process.exitCode = 1;
}

const options = readOptions(process.argv.slice(2));
if (options === null) tell(USAGE.trimEnd());
else await main(options);
