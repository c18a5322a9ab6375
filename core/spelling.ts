// "Did you mean ...?": the nearest of the words that would have been right. Errors everywhere use it, so
// that a slip of the finger costs a glance and not a search.

/** Most candidates that are compared: somebody waits for the answer. */
const MOST_CANDIDATES = 1000;

/** The candidate within a third of its length of `word` (by edits), or null when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  let compared = 0;
  for (const candidate of candidates) {
    if (compared++ === MOST_CANDIDATES) break;
    const most = Math.max(1, Math.ceil(candidate.length / 3));
    // So many edits it takes at least.
    if (Math.abs(word.length - candidate.length) > most) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance >= bestDistance || distance > most) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Longer words than this are not worth comparing. */
const LONGEST_WORD = 64;

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  if (a.length > LONGEST_WORD || b.length > LONGEST_WORD) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row.push(cheapest(a, b, i, j, row, last, before));
    before = last;
    last = row;
  }
  return last[b.length] as number;
}

function cheapest(a: string, b: string, i: number, j: number, row: number[], last: number[], before: number[]): number {
  const same = a[i - 1] === b[j - 1];
  const plain = Math.min((row[j - 1] as number) + 1, (last[j] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1));
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  return swapped ? Math.min(plain, (before[j - 2] as number) + 1) : plain;
}
