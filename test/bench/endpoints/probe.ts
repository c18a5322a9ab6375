// Loaded into the sidecar's own process (`--import`): measures how late its event loop is, and says so when asked.

import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface DelayReport {
  readonly p50Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly samples: number;
}

const NS_PER_MS = 1e6;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('message', (order: 'begin' | 'report') => {
  if (order === 'begin') delay.reset();
  const report: DelayReport = {
    p50Ms: delay.percentile(50) / NS_PER_MS,
    p999Ms: delay.percentile(99.9) / NS_PER_MS,
    maxMs: delay.max / NS_PER_MS,
    samples: delay.count,
  };
  process.send?.(report);
});
process.channel?.unref();
