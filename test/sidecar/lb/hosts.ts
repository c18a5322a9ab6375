// Hosts for pickers, and a source of chance that repeats.

import type { Candidate, Health } from '../../../sidecar/lb/picker.ts';
import { buildHostPicker, type HostPickerOptions } from '../../../sidecar/lb/tiers.ts';
import type { CommonLb, LbPolicy } from '../../../sidecar/model/cluster.ts';

export interface TestHost extends Candidate {
  readonly name: string;
  weight: number;
  active: number;
  health: Health;
}

export function host(name: string, weight = 1, health: Health = 'healthy'): TestHost {
  return { name, weight, health, active: 0, joinedMs: Number.NEGATIVE_INFINITY };
}

/** xorshift32: the same sequence for the same seed. */
export function chance(seed = 1): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const ROUND_ROBIN: LbPolicy = { kind: 'round-robin', slowStart: null };
export const COMMON: CommonLb = {
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  updateMergeWindowMs: 1000,
  ignoreNewHostsUntilFirstHc: false,
};

/** A picker over `tiers`: per priority one list of hosts, or localities with weights. */
export function pickerOver(
  tiers: readonly (readonly TestHost[])[],
  options: Partial<HostPickerOptions<TestHost>> = {},
) {
  return buildHostPicker<TestHost>({
    tiers: tiers.map((hosts) => [{ weight: 1, hosts }]),
    policy: ROUND_ROBIN,
    common: COMMON,
    overprovisioning: 140,
    weightedPriorityHealth: false,
    random: chance(),
    now: () => 0,
    onPanic: () => {},
    ...options,
  });
}

/** How often each host came up in `count` picks; 'none' for no host. */
export function shares(picker: { pick(): TestHost | null }, count: number): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const name = picker.pick()?.name ?? 'none';
    seen[name] = (seen[name] ?? 0) + 1;
  }
  return seen;
}
