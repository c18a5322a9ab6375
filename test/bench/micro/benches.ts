// The list of micro benches: one per function that every request goes through.

import type { MicroBench } from '../micro.ts';
import { BALANCING } from './balancing.ts';
import { CODEC } from './codec.ts';
import { FRAMES } from './frames.ts';
import { HPACK } from './hpack.ts';
import { LOGGING } from './logging.ts';
import { ROUTING } from './routing.ts';

export const MICRO_BENCHES: readonly MicroBench[] = [
  ...CODEC,
  ...HPACK,
  ...FRAMES,
  ...ROUTING,
  ...BALANCING,
  ...LOGGING,
];
