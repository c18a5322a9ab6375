// Findings that wait to be mended: what the inputs in `findings/TARGET` show is told and not kept again, and
// fails no test. Once an input shows nothing any more it belongs among the seeds.

import { readSeeds } from './seeds.ts';
import { judge, type Target } from './target.ts';

/** The kinds of findings that one input shows, in all variants. */
export function kindsOf(target: Target, input: Buffer): ReadonlySet<string> {
  const kinds = new Set<string>();
  for (let variant = 0; variant < target.variants; variant++) {
    const verdict = judge(target, input, variant, 'full');
    if (!verdict.ok) kinds.add(verdict.kind);
  }
  return kinds;
}

/** `quick`: without those that are known to take long, whose names begin with it. */
export function knownKinds(target: Target, quick = false): ReadonlySet<string> {
  const findings = readSeeds(target.name, 'findings').filter(({ name }) => !(quick && isSlow(name)));
  return new Set(findings.flatMap(({ bytes }) => [...kindsOf(target, bytes)]));
}

export function isSlow(name: string): boolean {
  return name.startsWith('slow');
}
