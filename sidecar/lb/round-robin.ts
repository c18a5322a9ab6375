// Round robin: one after another, from a random start so that many proxies do not all begin with the
// same host; with unequal weights by earliest deadline.

import { Edf } from './edf.ts';
import { type Candidate, type Choose, equalWeights, indexBelow, type Random } from './picker.ts';

/** `weight` where it differs from the host's own (slow start); null otherwise. */
export function roundRobin<H extends Candidate>(
  hosts: readonly H[],
  random: Random,
  weight: ((host: H) => number) | null,
): Choose<H> {
  if (hosts.length === 0) return () => null;
  const start = indexBelow(hosts.length, random);
  if (weight === null && equalWeights(hosts)) return inTurn(hosts, start);
  const edf = new Edf(hosts, weight ?? ((host) => host.weight));
  for (let i = 0; i < start; i++) edf.next();
  return () => edf.next();
}

function inTurn<H>(hosts: readonly H[], start: number): Choose<H> {
  let next = start;
  return () => {
    const host = hosts[next] as H;
    next = next + 1 === hosts.length ? 0 : next + 1;
    return host;
  };
}
