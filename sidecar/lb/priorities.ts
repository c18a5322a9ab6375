// How much of the traffic each priority gets, in whole percent, and who is in panic: Envoy's arithmetic,
// integers included, since shares are promised to users in its documentation.

/** Hosts of one priority: plain counts, or weights where priorities are weighed. */
export interface TierHealth {
  readonly total: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Hosts of any health, for panic. */
  readonly hosts: number;
  readonly healthyHosts: number;
  readonly degradedHosts: number;
}

export interface PriorityLoads {
  /** Percent for the healthy hosts of each priority, then for the degraded ones; together 100. */
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** Health is disregarded in these priorities. */
  readonly panic: readonly boolean[];
}

/** `overprovisioning` and `panicThreshold` in percent. */
export function priorityLoads(
  tiers: readonly TierHealth[],
  overprovisioning: number,
  panicThreshold: number,
): PriorityLoads {
  const share = (part: number, total: number) =>
    total === 0 ? 0 : Math.min(100, Math.floor((overprovisioning * part) / total));
  const healthy = tiers.map((tier) => share(tier.healthy, tier.total));
  const degraded = tiers.map((tier) => share(tier.degraded, tier.total));
  const available = Math.min(100, sum(healthy) + sum(degraded));
  if (available === 0 && panicThreshold === 0) return onlyFirst(tiers.length);
  const panic = tiers.map((tier) => available !== 100 && inPanic(tier, panicThreshold));
  if (panic.every(Boolean)) return { ...byHosts(tiers), panic };
  return { ...distribute(healthy, degraded, available), panic };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function inPanic({ hosts, healthyHosts, degradedHosts }: TierHealth, threshold: number): boolean {
  const fit = hosts === 0 ? 0 : (100 * healthyHosts) / hosts + (100 * degradedHosts) / hosts;
  return fit < threshold;
}

/** Nobody is fit and panic is off: everything goes to the healthy hosts of the first priority, of which there are none. */
function onlyFirst(count: number): PriorityLoads {
  const none = new Array<number>(count).fill(0);
  return { healthy: none.with(0, 100), degraded: none, panic: none.map(() => false) };
}

/** As much as possible to healthy hosts in order of priority, then to degraded ones; rounding to the first. */
function distribute(
  healthy: readonly number[],
  degraded: readonly number[],
  available: number,
): Pick<PriorityLoads, 'healthy' | 'degraded'> {
  let left = 100;
  const take = (availability: number) => {
    const load = Math.min(left, Math.floor((availability * 100) / available));
    left -= load;
    return load;
  };
  const toHealthy = healthy.map(take);
  const toDegraded = degraded.map(take);
  const rounded = healthy.findIndex((availability) => availability > 0);
  if (rounded >= 0) toHealthy[rounded] = (toHealthy[rounded] as number) + left;
  else {
    const first = degraded.findIndex((availability) => availability > 0);
    toDegraded[first] = (toDegraded[first] as number) + left;
  }
  return { healthy: toHealthy, degraded: toDegraded };
}

/** All priorities in panic: by number of hosts. */
function byHosts(tiers: readonly TierHealth[]): Pick<PriorityLoads, 'healthy' | 'degraded'> {
  const total = sum(tiers.map(({ hosts }) => hosts));
  const none = tiers.map(() => 0);
  if (total === 0) return { healthy: none.with(0, 100), degraded: none };
  const loads = tiers.map(({ hosts }) => Math.floor((100 * hosts) / total));
  const first = tiers.findIndex(({ hosts }) => hosts > 0);
  loads[first] = (loads[first] as number) + 100 - sum(loads);
  return { healthy: loads, degraded: none };
}
