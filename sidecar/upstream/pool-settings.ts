// What pools read of the description of their cluster.

import type { Cluster } from '../model/cluster.ts';
import type { ClusterStats } from '../telemetry/cells/cluster.ts';
import type { PoolSettings } from './pool.ts';

/** A stream of which the upstream takes nothing for so long is reset (robustness.md X12). */
const WRITE_STALL_MS = 30_000;

export function poolSettings({ http, tls }: Cluster, trustGeneration: number, stats: ClusterStats): PoolSettings {
  const heads = { maxHeadersCount: http.maxHeadersCount, maxHeadersBytes: http.maxHeadersBytes };
  return {
    // Requests of clients that speak HTTP/2 have a pool of their own.
    protocol: http.protocol === 'downstream' ? 'http1' : http.protocol,
    codec: {
      ...heads,
      underscores: 'allow',
      enableTrailers: http.enableTrailers,
      headerCase: http.headerCase,
      secure: tls !== null,
    },
    http2: {
      ...heads,
      underscores: 'allow',
      counts: stats.http2,
      initialStreamWindow: http.http2.initialStreamWindow,
      initialConnectionWindow: http.http2.initialConnectionWindow,
      maxStreams: http.http2.maxConcurrentStreams,
      keepalive: http.http2.keepalive,
      // No stream is pushed to us.
      maxConcurrentStreams: 0,
      writeStallMs: WRITE_STALL_MS,
    },
    idleTimeoutMs: http.idleTimeoutMs,
    maxConnectionDurationMs: http.maxConnectionDurationMs,
    maxRequestsPerConnection: http.maxRequestsPerConnection,
    trustGeneration,
  };
}
