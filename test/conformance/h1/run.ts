// Runs one entry in every way through one proxy: whole, cut at every place, byte by byte, and with a
// further request behind it on the same connection.

import { type Cut, cutsOf } from './cuts.ts';
import type { Entry, Outcome } from './entry.ts';
import { type Judge, judge } from './judge.ts';
import { CUT_OF_CANARY, type Follow, type Lane, play } from './play.ts';

/** null: safe in every way; otherwise the first way that was not, and what was wrong. */
export async function runEntry(lane: Lane, entry: Entry, rules: Judge): Promise<string | null> {
  const outcomes = rules.strict ? entry.ours : [...entry.ours, ...entry.alsoSafe];
  for (const { cut, follow } of waysOf(entry)) {
    const wrong = judge(await play(lane, entry, outcomes, cut, follow), outcomes, rules);
    if (wrong !== null) return `cut ${cut}, next request ${follow}: ${wrong}`;
  }
  return null;
}

interface Way {
  readonly cut: Cut;
  readonly follow: Follow;
}

/** What is served is followed by a request in every way; what is refused once, for that must not serve it. */
function waysOf(entry: Entry): readonly Way[] {
  const last = entry.moves.at(-1);
  const leaves = entry.moves.some((move) => 'ends' in move && move.by === 'client');
  if (leaves) return ways(cutsOf(entry), 'none');
  if (last === undefined || !('says' in last) || last.by !== 'client') return ways(cutsOf(entry), 'after');
  return entry.ours.every(endsConnection)
    ? [...ways(cutsOf(entry), 'none'), { cut: 'whole', follow: 'pipelined' }]
    : [{ cut: 'whole', follow: 'none' }, ...ways(cutsOf(entry, CUT_OF_CANARY), 'pipelined')];
}

function ways(cuts: readonly Cut[], follow: Follow): Way[] {
  return cuts.map((cut) => ({ cut, follow }));
}

function endsConnection({ after }: Outcome): boolean {
  return after === 'closed';
}
