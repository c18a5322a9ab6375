// Figures of the control plane, under names that users of istiod's dashboards will recognise in meaning.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { XdsEvents } from './xds/status.ts';

const CONVERGENCE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface Sources {
  readonly clients: () => number;
  readonly services: () => number;
  readonly instances: () => number;
  readonly fileErrors: () => number;
}

export interface Metrics {
  readonly events: XdsEvents;
  readonly certificateIssued: () => void;
  readonly certificateRefused: () => void;
  readonly render: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export function discoveryMetrics(sources: Sources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const pushes = new Counter({
    name: 'fairlead_discovery_pushes_total',
    help: 'Responses sent, by resource type',
    labelNames: ['type'],
    registers,
  });
  const bytes = new Counter({
    name: 'fairlead_discovery_pushed_bytes_total',
    help: 'Bytes of responses sent, by resource type',
    labelNames: ['type'],
    registers,
  });
  const acks = new Counter({
    name: 'fairlead_discovery_acks_total',
    help: 'Responses that clients accepted',
    labelNames: ['type'],
    registers,
  });
  const rejects = new Counter({
    name: 'fairlead_discovery_rejects_total',
    help: 'Responses that clients refused',
    labelNames: ['type'],
    registers,
  });
  const stale = new Counter({
    name: 'fairlead_discovery_stale_requests_total',
    help: 'Requests with a nonce that was superseded',
    labelNames: ['type'],
    registers,
  });
  const turnedAway = new Counter({
    name: 'fairlead_discovery_streams_refused_total',
    help: 'Streams refused or ended for exceeding a bound',
    registers,
  });
  const convergence = new Histogram({
    name: 'fairlead_discovery_convergence_seconds',
    help: 'From a change to its acceptance by a client',
    buckets: CONVERGENCE_BUCKETS,
    registers,
  });
  const issued = new Counter({
    name: 'fairlead_discovery_certificates_issued_total',
    help: 'Workload certificates issued',
    registers,
  });
  const refused = new Counter({
    name: 'fairlead_discovery_certificates_refused_total',
    help: 'Certificate requests refused',
    registers,
  });
  gauge(registry, 'fairlead_discovery_connected_clients', 'Open xDS streams', sources.clients);
  gauge(registry, 'fairlead_discovery_services', 'Services in the catalog', sources.services);
  gauge(registry, 'fairlead_discovery_instances', 'Instances in the catalog', sources.instances);
  gauge(
    registry,
    'fairlead_discovery_config_errors',
    'Mistakes in the newest mesh file; 0: it is in force',
    sources.fileErrors,
  );
  return {
    certificateIssued: () => issued.inc(),
    certificateRefused: () => refused.inc(),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    events: {
      sent: (type, size) => {
        pushes.inc({ type: type.shortName });
        bytes.inc({ type: type.shortName }, size);
      },
      acked: (type) => acks.inc({ type: type.shortName }),
      refused: (type) => rejects.inc({ type: type.shortName }),
      stale: (type) => stale.inc({ type: type.shortName }),
      converged: (ms) => convergence.observe(ms / 1000),
      turnedAway: () => turnedAway.inc(),
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
