// Endpoints of a cluster, by locality and priority.

import type { Metadata } from './route.ts';

export interface ClusterLoadAssignment {
  readonly name: string;
  readonly localities: readonly LocalityEndpoints[];
  /** Percent, default 140. */
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  readonly dropOverloads: readonly { readonly category: string; readonly share: number }[];
  /** 0: never stale. */
  readonly staleAfterMs: number;
}

export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** 0: gets no traffic under locality-weighted balancing. */
  readonly weight: number;
  readonly priority: number;
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** IP address, DNS name, or a Unix socket (core/addresses.ts). */
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly weight: number;
  readonly health: 'healthy' | 'unhealthy' | 'degraded' | 'draining';
  readonly metadata: Metadata;
}
