// Metrics of the process itself (CPU, memory, event loop, garbage collection), kept by prom-client. Not in
// the hot path: it costs too much there.

import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of its own: nothing global, so that two programs can live in one process (tests). */
export function createProcessMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
