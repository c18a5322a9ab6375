// The proxy in one thread, put together: what it is made of, in the order in which it starts, and how it ends.

import { systemClock } from '../core/clock.ts';
import type { Logs } from '../core/log.ts';
import { adminPart, type TrafficSources } from './admin-part.ts';
import type { Config } from './config.ts';
import { connect } from './control-plane.ts';
import { drained } from './drain.ts';
import { onceTrue, ServerStates } from './server-states.ts';
import type { Sidecar } from './sidecar.ts';
import { openTraffic, startListeners, type Traffic } from './traffic.ts';
import { certificateViews, clusterViews, listenerViews, unreadyOf } from './views.ts';

export async function createSingle(config: Config, logs: Logs): Promise<Sidecar> {
  const clock = systemClock;
  const traffic = await openTraffic(config, clock, logs);
  const { stats, logFiles, spans, runtime } = traffic;
  const controlPlane = await connect({ config, clock, logs, stats, dataPlane: runtime });
  // Until static listeners were asked for nothing is missing.
  let started = false;
  const isReady = () => started && controlPlane.configured && runtime.missing.length === 0;
  const state = new ServerStates(onceTrue(isReady));
  const own = { config, clock, logs, stats, controlPlane, state };
  return {
    parts: (lifecycle) => [
      { name: 'spans', start: () => {}, stop: () => spans?.close() },
      { name: 'access logs', start: () => {}, stop: () => logFiles.close() },
      adminPart(own, trafficSources(config, traffic), lifecycle),
      {
        name: 'listeners',
        start: async () => {
          await startListeners(config, runtime);
          started = true;
        },
        stop: () => runtime.destroy(),
      },
      { name: 'control plane', start: () => controlPlane.start(), stop: () => controlPlane.stop() },
      {
        name: 'traffic',
        // After a log file was moved away.
        start: () => void process.on('SIGUSR1', () => logFiles.reopen()),
        stop: async () => {
          state.draining = true;
          await controlPlane.leave();
          const target = { drain: () => runtime.drain(), active: () => runtime.activeRequests };
          await drained(target, config.drainTimeMs, clock);
          logs.child('main').info('drained');
        },
      },
    ],
  };
}

function trafficSources(config: Config, { stats, runtime, logFiles }: Traffic): TrafficSources {
  const staticNames = new Set(config.snapshot.clusters.keys());
  return {
    figures: () => stats,
    silent: () => [],
    memory: () => process.memoryUsage(),
    clusters: () => clusterViews(runtime, staticNames),
    listeners: () => listenerViews(runtime),
    certificates: () => certificateViews(runtime),
    unready: () => unreadyOf(runtime),
    actions: {
      drainListeners: ({ inboundOnly, graceful }) => {
        if (graceful) runtime.drain();
        else runtime.stopListening(inboundOnly);
      },
      failHealthChecks: (failing) => runtime.failHealthChecks(failing),
      resetCounters: () => stats.resetCounters(),
      reopenLogs: () => logFiles.reopen(),
    },
  };
}
