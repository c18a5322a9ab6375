// One pick of a host.

import type { LbPolicy } from '../../../sidecar/model/cluster.ts';
import { host, pickerOver, ROUND_ROBIN } from '../../sidecar/lb/hosts.ts';
import type { MicroBench } from '../micro.ts';

const LEAST_REQUEST: LbPolicy = { kind: 'least-request', choices: 2, activeBias: 1, fullScan: false, slowStart: null };

function picking(name: string, policy: LbPolicy, count: number, weight: (i: number) => number): MicroBench {
  return {
    name,
    make: () => {
      const hosts = Array.from({ length: count }, (_, i) => host(`h${i}`, weight(i)));
      const picker = pickerOver([hosts], { policy, random: Math.random });
      return () => picker.pick();
    },
  };
}

export const BALANCING: readonly MicroBench[] = [
  picking('pick host: round robin of 10', ROUND_ROBIN, 10, () => 1),
  picking('pick host: round robin of 1,000, weighted', ROUND_ROBIN, 1000, (i) => 1 + (i % 5)),
  picking('pick host: least request of 10', LEAST_REQUEST, 10, () => 1),
  picking('pick host: least request of 1,000', LEAST_REQUEST, 1000, () => 1),
];
