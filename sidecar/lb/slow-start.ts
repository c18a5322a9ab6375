// Slow start: a host that has just become fit gets a growing share of its weight.

import type { SlowStart } from '../model/cluster.ts';
import type { Candidate } from './picker.ts';

/** Weight of a host `now`: weight x max(min, (time / window) ^ (1 / aggression)), its own after the window. */
export function rampedWeight(host: Candidate, slowStart: SlowStart, now: number): number {
  const elapsed = now - host.joinedMs;
  if (elapsed >= slowStart.windowMs) return host.weight;
  const share = (Math.max(elapsed, 1) / slowStart.windowMs) ** (1 / slowStart.aggression);
  return host.weight * Math.max(share, slowStart.minWeightPercent / 100);
}
