// The TCP proxy with Envoy's defaults, field by field. Subsets of hosts, hashing and tunnels are refused by name.

import { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import {
  TcpProxy_WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  TcpProxy_TcpAccessLogOptionsSchema as LogOptionsSchema,
  type TcpProxySchema,
  TcpProxy_WeightedClusterSchema as WeightedClusterSchema,
} from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import type { TcpProxy, TcpWeight } from '../../model/listener.ts';
import { decodeAccessLog } from './access-log.ts';
import type { Fields } from './fields.ts';

type Proxy = Fields<typeof TcpProxySchema>;

const DEFAULT_IDLE_MS = 3_600_000;
const MOST_WEIGHT = 2 ** 32 - 1;

export function decodeTcpProxy(f: Proxy): TcpProxy {
  const clusters = decodeClusters(f);
  const proxy: TcpProxy = {
    statPrefix: f.take('statPrefix'),
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleTimeoutMs: f.ms('idleTimeout', DEFAULT_IDLE_MS),
    maxConnectAttempts: f.take('maxConnectAttempts') ?? 1,
    maxConnectionDurationMs: f.ms('maxDownstreamConnectionDuration', 0),
    accessLogs: f.children('accessLog', AccessLogSchema).flatMap(decodeAccessLog),
    ...decodeLogOptions(f),
  };
  f.end();
  if (proxy.totalWeight > MOST_WEIGHT) f.invalid('', `the sum of weights must be at most ${MOST_WEIGHT}`);
  return proxy;
}

function decodeClusters(f: Proxy): TcpWeight[] {
  const specifier = f.take('clusterSpecifier');
  if (specifier.case === 'cluster') return [{ name: specifier.value, weight: 1 }];
  if (specifier.case === undefined) return [];
  const weighted = f.choice('weightedClusters', specifier.value, WeightedClusterSchema);
  const clusters = weighted.children('clusters', ClusterWeightSchema).map((entry) => {
    const weight = { name: entry.take('name'), weight: entry.take('weight') };
    entry.end();
    return weight;
  });
  weighted.end();
  return clusters;
}

/** The same two in their older place hold where the newer does not say. */
function decodeLogOptions(f: Proxy): Pick<TcpProxy, 'accessLogIntervalMs' | 'logOnConnected'> {
  const options = f.child('accessLogOptions', LogOptionsSchema);
  const old = { interval: f.ms('accessLogFlushInterval', 0), onConnected: f.take('flushAccessLogOnConnected') };
  if (options === null) return { accessLogIntervalMs: old.interval, logOnConnected: old.onConnected };
  if (old.interval > 0 || old.onConnected)
    f.invalid('accessLogOptions', 'and the deprecated fields of the same meaning may not both be given');
  const decoded = {
    accessLogIntervalMs: options.ms('accessLogFlushInterval', 0),
    logOnConnected: options.take('flushAccessLogOnConnected'),
  };
  options.end();
  return decoded;
}
