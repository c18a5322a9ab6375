// Texts that are well formed and too much of something: keys, aliases, depth, documents, wrong names.

import type { Random } from '../random.ts';

type Extreme = (count: number) => string;

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

const EXTREMES: readonly Extreme[] = [
  (count) => `services:\n${lines(count, (i) => `  s${i}: {port: 80}`)}\n`,
  (count) => `services:\n${lines(count, (i) => `  s${i}: {port: 80, allow: [t${i}]}`)}\n`,
  (count) => `static_resources:\n  clusters:\n${lines(count, (i) => `  - {name: c${i}, connect_timeout: 1s}`)}\n`,
  (count) => `node:\n  metadata:\n${lines(count, (i) => `    k${i}: 1`)}\n`,
  (count) => lines(count, () => 'same: 1'),
  (count) => lines(count, (i) => `unknown${i}: 1`),
  (count) => lines(count, () => '---\nkind: Service'),
  (count) => `a: &a [${'1,'.repeat(count)}]\nb: [${'*a,'.repeat(99)}]\n`,
  () => `a: &a [x]\n${lines(40, (i) => `a${i}: &a${i} [${'*a,'.repeat(i % 9)}]`)}\n`,
  () => `a: &a\n  b: *a\n`,
  (count) => `${'['.repeat(count)}${']'.repeat(count)}\n`,
  (count) => `${'- '.repeat(count)}x\n`,
  (count) => `${'{a: '.repeat(count)}${'}'.repeat(count)}\n`,
  (count) => `${'? '.repeat(count)}x\n`,
  (count) => `a: "${'\\x41'.repeat(count)}"\n`,
  (count) => `${lines(count, () => '  '.repeat(7) + 'x')}\n`,
  (count) => `a: |\n${lines(count, () => ' x')}\n`,
  (count) => `${'&a '.repeat(count)}x\n`,
  (count) => `${'!!str '.repeat(count)}x\n`,
  (count) => `${'${X:-'.repeat(count)}x\n`,
  (count) => `{a: 1${' {b'.repeat(count)}}\n`,
  (count) => `${'#'.repeat(count)}\n${'%'.repeat(count)}\n`,
];

/** In so few cases: they take as long as many others together. */
export const OF_EXTREMES = 0.001;

export function extreme(random: Random): string {
  return random.pick(EXTREMES)(random.pick([10, 65, 200, 1000, 3000]));
}
