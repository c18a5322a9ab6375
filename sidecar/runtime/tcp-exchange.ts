// One connection through a TCP proxy, as log lines and access rules see it: an Exchange without a request.

import { Exchange } from '../exchange.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Host } from '../upstream/host.ts';

/** Envoy's names for the three moments at which a line may be written. */
export type TcpLogMoment = 'TcpUpstreamConnected' | 'TcpPeriodic' | 'TcpConnectionEnd';

/** Hosts that a log line names, the first ones tried. */
const MOST_HOSTS_NAMED = 32;

export class TcpExchange extends Exchange {
  accessLogType: TcpLogMoment = 'TcpConnectionEnd';
  localCloseReason: string | null = null;
  downstreamCloseType: string | null = null;
  upstreamCloseType: string | null = null;

  override get protocol(): null {
    return null;
  }

  override get upstreamProtocol(): null {
    return null;
  }

  noteCluster(cluster: Cluster): void {
    this.upstreamCluster = cluster.description.altStatName ?? cluster.name;
    this.upstreamClusterRaw = cluster.name;
    this.clusterData = cluster.description.metadata;
  }

  noteHost(host: Host): void {
    this.attemptCount++;
    this.upstreamHost = host.address;
    this.upstreamHostname = host.endpoint.hostname || null;
    this.hostData = host.endpoint.metadata;
    if (this.attemptCount === 1) this.hostsAttempted = host.alone;
    else if (this.attemptCount <= MOST_HOSTS_NAMED) this.hostsAttempted = [...this.hostsAttempted, host.address];
  }
}
