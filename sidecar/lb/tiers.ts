// From hosts in localities and priorities to one picker: which priority, healthy or degraded, panic,
// which locality; the policy then chooses from one list.

import type { CommonLb, LbPolicy } from '../model/cluster.ts';
import { Edf } from './edf.ts';
import { leastRequest } from './least-request.ts';
import type { Candidate, Choose, Health, Picker, PickKey, Random } from './picker.ts';
import { type PriorityLoads, priorityLoads, type TierHealth } from './priorities.ts';
import { randomly } from './random.ts';
import { roundRobin } from './round-robin.ts';
import { rampedWeight } from './slow-start.ts';

export interface LocalityHosts<H> {
  /** Weight among the localities of its priority; 0: no traffic under locality-weighted balancing. */
  readonly weight: number;
  readonly hosts: readonly H[];
}

export interface HostPickerOptions<H extends Candidate> {
  /** By priority, the best first; gaps are empty lists. */
  readonly tiers: readonly (readonly LocalityHosts<H>[])[];
  readonly policy: LbPolicy;
  readonly common: CommonLb;
  /** Percent, Envoy's default is 140. */
  readonly overprovisioning: number;
  /** Priorities by weight of their hosts instead of their number. */
  readonly weightedPriorityHealth: boolean;
  readonly random: Random;
  /** For slow start: ms on the clock of `Candidate.joinedMs`. */
  readonly now: () => number;
  /** A pick was made, or refused, in panic. */
  readonly onPanic: () => void;
}

/** Built for one state of membership, weights and health; build another when any of them changes. */
export function buildHostPicker<H extends Candidate>(options: HostPickerOptions<H>): Picker<H> {
  const tiers = options.tiers.length === 0 ? [[]] : options.tiers;
  const health = tiers.map((localities) => tierHealth(localities, options.weightedPriorityHealth));
  const loads = loadsOf(health, options);
  const lists = tiers.map((localities) => tierLists(localities, options));
  const usual = usually(loads, lists);
  const once = (key: PickKey<H>) =>
    usual !== null && key.avoidPriorities === undefined
      ? usual()
      : pickOnce(avoiding(key.avoidPriorities, health, loads, options), lists, options);
  return {
    pick(key = {}) {
      let host = once(key);
      for (let left = key.attempts ?? 1; left > 0 && host !== null && key.skip?.(host) === true; left--)
        host = once(key);
      return host;
    },
  };
}

/** All healthy and in the first priority, as nearly always: there is nothing to draw but the host. */
function usually<H>(loads: PriorityLoads, lists: readonly TierLists<H>[]): Choose<H> | null {
  return loads.healthy[0] === 100 && loads.panic[0] !== true ? (lists[0] as TierLists<H>).healthy : null;
}

/** The lists that may be chosen from in one priority. */
interface TierLists<H> {
  readonly all: Choose<H>;
  readonly healthy: Choose<H>;
  readonly degraded: Choose<H>;
}

function pickOnce<H extends Candidate>(
  loads: PriorityLoads,
  lists: readonly TierLists<H>[],
  options: HostPickerOptions<H>,
): H | null {
  const { priority, health } = choosePriority(loads, options.random);
  const tier = lists[priority] as TierLists<H>;
  if (loads.panic[priority] !== true) return tier[health]();
  options.onPanic();
  return options.common.failTrafficOnPanic ? null : tier.all();
}

function choosePriority(loads: PriorityLoads, random: Random): { priority: number; health: 'healthy' | 'degraded' } {
  let left = Math.floor(random() * 100) + 1;
  for (const health of ['healthy', 'degraded'] as const) {
    const percents = loads[health];
    for (let priority = 0; priority < percents.length; priority++) {
      left -= percents[priority] as number;
      if (left <= 0) return { priority, health };
    }
  }
  return { priority: 0, health: 'healthy' };
}

function tierHealth<H extends Candidate>(localities: readonly LocalityHosts<H>[], weighted: boolean): TierHealth {
  const hosts = localities.flatMap((locality) => locality.hosts).filter(({ health }) => health !== 'excluded');
  const count = (health: Health) => hosts.filter((host) => host.health === health).length;
  const amount = (of: readonly H[]) => (weighted ? of.reduce((total, { weight }) => total + weight, 0) : of.length);
  return {
    total: amount(hosts),
    healthy: amount(hosts.filter(({ health }) => health === 'healthy')),
    degraded: amount(hosts.filter(({ health }) => health === 'degraded')),
    hosts: hosts.length,
    healthyHosts: count('healthy'),
    degradedHosts: count('degraded'),
  };
}

function loadsOf<H extends Candidate>(health: readonly TierHealth[], options: HostPickerOptions<H>): PriorityLoads {
  return priorityLoads(health, options.overprovisioning, options.common.panicThreshold);
}

/** Loads without the priorities to avoid; when nothing fit is left, with them. */
function avoiding<H extends Candidate>(
  avoid: ReadonlySet<number> | undefined,
  health: readonly TierHealth[],
  loads: PriorityLoads,
  options: HostPickerOptions<H>,
): PriorityLoads {
  if (avoid === undefined || avoid.size === 0) return loads;
  const left = health.map((tier, priority) => (avoid.has(priority) ? { ...tier, healthy: 0, degraded: 0 } : tier));
  return left.some(({ healthy, degraded }) => healthy + degraded > 0) ? loadsOf(left, options) : loads;
}

function tierLists<H extends Candidate>(
  localities: readonly LocalityHosts<H>[],
  options: HostPickerOptions<H>,
): TierLists<H> {
  const every = localities.flatMap(({ hosts }) => hosts);
  return {
    all: later(() => chooser(every, options)),
    healthy: later(() => byLocality(localities, 'healthy', options)),
    degraded: later(() => byLocality(localities, 'degraded', options)),
  };
}

/** Most lists are never chosen from; each is made with its first use. */
function later<H>(make: () => Choose<H>): Choose<H> {
  let made: Choose<H> | null = null;
  return () => {
    made ??= make();
    return made();
  };
}

/** Hosts of one health: a locality by weight first, if the cluster says so and any has a weight. */
function byLocality<H extends Candidate>(
  localities: readonly LocalityHosts<H>[],
  health: 'healthy' | 'degraded',
  options: HostPickerOptions<H>,
): Choose<H> {
  const fitOf = (hosts: readonly H[]) => hosts.filter((host) => host.health === health);
  const weighed = options.common.localityWeighted
    ? localities
        .map(({ weight, hosts }) => ({
          weight: weight * availability(hosts, fitOf(hosts).length, options.overprovisioning),
          choose: chooser(fitOf(hosts), options),
        }))
        .filter(({ weight }) => weight > 0)
    : [];
  if (weighed.length === 0) return chooser(fitOf(localities.flatMap(({ hosts }) => hosts)), options);
  const edf = new Edf(weighed, ({ weight }) => weight);
  return () => edf.next()?.choose() ?? null;
}

/** 0 to 1: the share of fit hosts, overprovisioned. */
function availability(hosts: readonly Candidate[], fit: number, overprovisioning: number): number {
  const counted = hosts.filter(({ health }) => health !== 'excluded').length;
  return counted === 0 ? 0 : Math.min(1, ((overprovisioning / 100) * fit) / counted);
}

function chooser<H extends Candidate>(hosts: readonly H[], options: HostPickerOptions<H>): Choose<H> {
  const { policy, random } = options;
  if (policy.kind === 'random') return randomly(hosts, random);
  const { slowStart } = policy;
  const weight = slowStart === null ? null : (host: H) => rampedWeight(host, slowStart, options.now());
  return policy.kind === 'round-robin'
    ? roundRobin(hosts, random, weight)
    : leastRequest(hosts, policy, random, weight);
}
