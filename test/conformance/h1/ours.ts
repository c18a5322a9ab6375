// Our sidecar as what the corpus is run through, in the test's own process.

import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { bootstrapOf } from './bootstrap.ts';
import { Changes } from './changes.ts';
import { Origin } from './origin.ts';
import type { Lane } from './play.ts';

export interface Lanes {
  readonly lanes: readonly Lane[];
  close(): Promise<void>;
}

const LIMIT_MS = 5000;

export async function startOurs(count: number): Promise<Lanes> {
  const made = await Promise.all(Array.from({ length: count }, makeOrigin));
  const hops = made.map(({ port }, i) => ({ name: `lane-${i}`, listenPort: 0, originPort: port }));
  const proxy = await startProxy(JSON.stringify(bootstrapOf(hops, 0, { trailers: true, delayedClose: '30s' })));
  const lanes = made.map(({ origin, changes }, i) => laneOf(origin, changes, proxy.port(`lane-${i}`)));
  return { lanes, close: () => closeAll(proxy, lanes) };
}

export async function makeOrigin(): Promise<{ origin: Origin; changes: Changes; port: number }> {
  const changes = new Changes();
  const origin = new Origin(changes);
  return { origin, changes, port: await origin.listen() };
}

function laneOf(origin: Origin, changes: Changes, port: number): Lane {
  return { origin, changes, port, settle: polled, moveMs: LIMIT_MS, limitMs: LIMIT_MS };
}

/**
 * For a proxy that lives in this process: from one setImmediate to the next lies a whole poll, in which it
 * reads what stands in its sockets.
 */
export async function polled(): Promise<void> {
  await immediate();
  await immediate();
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function closeAll(proxy: TestProxy, lanes: readonly Lane[]): Promise<void> {
  await proxy.close();
  await Promise.all(lanes.map(({ origin }) => origin.close()));
}
