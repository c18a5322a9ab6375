// Least request: among hosts of equal weight the least busy of a few taken by chance; with unequal
// weights by earliest deadline, where a host's weight shrinks with what it is busy with.

import { Edf } from './edf.ts';
import { type Candidate, type Choose, equalWeights, indexBelow, type Random } from './picker.ts';

export interface LeastRequestOptions {
  /** How many to compare; 2 is the default. */
  readonly choices: number;
  /** Weight is divided by (requests under way + 1) to this power. */
  readonly activeBias: number;
  /** Compare all hosts instead of a few. */
  readonly fullScan: boolean;
}

/** `weight` where it differs from the host's own (slow start); null otherwise. */
export function leastRequest<H extends Candidate>(
  hosts: readonly H[],
  options: LeastRequestOptions,
  random: Random,
  weight: ((host: H) => number) | null,
): Choose<H> {
  if (hosts.length === 0) return () => null;
  if (weight === null && equalWeights(hosts)) {
    return options.fullScan ? () => leastBusy(hosts, random) : () => bestOf(hosts, options.choices, random);
  }
  const own = weight ?? ((host: H) => host.weight);
  const edf = new Edf(hosts, (host) => own(host) / (host.active + 1) ** options.activeBias);
  for (let i = indexBelow(hosts.length, random); i > 0; i--) edf.next();
  return () => edf.next();
}

function bestOf<H extends Candidate>(hosts: readonly H[], choices: number, random: Random): H {
  let best = hosts[indexBelow(hosts.length, random)] as H;
  for (let i = 1; i < choices; i++) {
    const other = hosts[indexBelow(hosts.length, random)] as H;
    if (other.active < best.active) best = other;
  }
  return best;
}

/** The least busy of all; among equals each with the same chance. */
function leastBusy<H extends Candidate>(hosts: readonly H[], random: Random): H {
  let best = hosts[0] as H;
  let equals = 1;
  for (let i = 1; i < hosts.length; i++) {
    const host = hosts[i] as H;
    if (host.active < best.active) {
      best = host;
      equals = 1;
    } else if (host.active === best.active && random() * ++equals < 1) {
      best = host;
    }
  }
  return best;
}
