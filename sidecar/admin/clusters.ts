// /clusters: every cluster with its limits and hosts, as text or JSON.

import { hostPort } from '../../core/addresses.ts';
import type { PageResponse } from '../../core/admin.ts';
import type { Limits } from '../model/cluster.ts';
import { nameFilter } from '../telemetry/render.ts';
import { addressJson, type Json, jsonPage } from './json.ts';

export interface ClusterView {
  readonly name: string;
  /** The name that statistics use. */
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  /** null: no EDS, or under the cluster's own name. */
  readonly edsServiceName: string | null;
  readonly outlierDetection: boolean;
  readonly limits: { readonly default: Limits; readonly high: Limits };
  readonly hosts: readonly HostView[];
}

export interface HostView {
  readonly address: { readonly host: string; readonly port: number };
  readonly hostname: string;
  readonly stats: {
    readonly cx_active: number;
    readonly cx_connect_fail: number;
    readonly cx_total: number;
    readonly rq_active: number;
    readonly rq_error: number;
    readonly rq_success: number;
    readonly rq_timeout: number;
    readonly rq_total: number;
    readonly rq_pending_active?: number;
  };
  readonly edsHealth: 'healthy' | 'unhealthy' | 'degraded' | 'draining';
  readonly ejected: boolean;
  readonly weight: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
}

export function clustersPage(clusters: readonly ClusterView[], query: URLSearchParams): PageResponse {
  const wanted = nameFilter(query.get('filter'));
  if (typeof wanted === 'string') return { status: 400, body: `${wanted}\n` };
  const chosen = clusters.filter(({ name }) => wanted(name));
  if (query.get('format') === 'json') return jsonPage({ cluster_statuses: chosen.map(clusterJson) });
  return { body: chosen.flatMap(clusterLines).join('') };
}

function clusterLines(cluster: ClusterView): string[] {
  const line = (key: string, value: string | number | boolean) => `${cluster.name}::${key}::${value}\n`;
  const outlier = [
    'success_rate_average',
    'success_rate_ejection_threshold',
    'local_origin_success_rate_average',
    'local_origin_success_rate_ejection_threshold',
  ];
  return [
    line('observability_name', cluster.observabilityName),
    ...(cluster.outlierDetection ? outlier.map((name) => line(`outlier::${name}`, -1)) : []),
    ...(['default', 'high'] as const).flatMap((priority) =>
      limitLines(`${priority}_priority`, cluster.limits[priority], line),
    ),
    line('added_via_api', cluster.addedViaApi),
    ...(cluster.edsServiceName === null ? [] : [line('eds_service_name', cluster.edsServiceName)]),
    ...cluster.hosts.flatMap((host) =>
      hostLines(host, (key, value) => line(`${hostPort(host.address.host, host.address.port)}::${key}`, value)),
    ),
  ];
}

type Line = (key: string, value: string | number | boolean) => string;

function limitLines(name: string, limits: Limits, line: Line): string[] {
  return [
    line(`${name}::max_connections`, limits.maxConnections),
    line(`${name}::max_pending_requests`, limits.maxPendingRequests),
    line(`${name}::max_requests`, limits.maxRequests),
    line(`${name}::max_retries`, limits.maxRetries),
  ];
}

const COUNTERS = ['cx_connect_fail', 'cx_total', 'rq_error', 'rq_success', 'rq_timeout', 'rq_total'] as const;
const GAUGES = ['cx_active', 'rq_active', 'rq_pending_active'] as const;

function hostLines(host: HostView, line: Line): string[] {
  const figures = [...COUNTERS, ...GAUGES].sort().map((name) => line(name, host.stats[name] ?? 0));
  return [
    ...figures,
    line('hostname', host.hostname),
    line('health_flags', healthFlags(host)),
    line('weight', host.weight),
    line('region', host.region),
    line('zone', host.zone),
    line('sub_zone', host.subZone),
    line('canary', false),
    line('priority', host.priority),
    line('success_rate', -1),
    line('local_origin_success_rate', -1),
  ];
}

function healthFlags({ edsHealth, ejected }: HostView): string {
  const flags = [
    ...(ejected ? ['/failed_outlier_check'] : []),
    ...(edsHealth === 'unhealthy' || edsHealth === 'draining' ? ['/failed_eds_health'] : []),
    ...(edsHealth === 'degraded' ? ['/degraded_eds_health'] : []),
  ];
  return flags.length === 0 ? 'healthy' : flags.join('');
}

/** Zeros and empty texts are left out, as in proto3 JSON. */
function unlessEmpty(value: string | number): Json | undefined {
  return value === 0 || value === '' ? undefined : value;
}

function clusterJson(cluster: ClusterView): Json {
  return {
    name: cluster.name,
    added_via_api: cluster.addedViaApi || undefined,
    host_statuses: cluster.hosts.length === 0 ? undefined : cluster.hosts.map(hostJson),
    circuit_breakers: {
      thresholds: [limitsJson(cluster.limits.default), { priority: 'HIGH', ...limitsJson(cluster.limits.high) }],
    },
    observability_name: cluster.observabilityName,
    eds_service_name: cluster.edsServiceName ?? undefined,
  };
}

function limitsJson(limits: Limits): Record<string, number> {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = limits;
  return {
    max_connections: maxConnections,
    max_pending_requests: maxPendingRequests,
    max_requests: maxRequests,
    max_retries: maxRetries,
  };
}

function hostJson(host: HostView): Json {
  const { address, stats } = host;
  const value = (name: (typeof COUNTERS)[number] | (typeof GAUGES)[number]) =>
    stats[name] ? String(stats[name]) : undefined;
  return {
    address: addressJson(address),
    stats: [
      ...COUNTERS.map((name) => ({ value: value(name), name })),
      ...GAUGES.map((name) => ({ type: 'GAUGE', value: value(name), name })),
    ],
    health_status: {
      failed_outlier_check: host.ejected || undefined,
      eds_health_status: host.edsHealth.toUpperCase(),
    },
    weight: host.weight,
    hostname: unlessEmpty(host.hostname),
    priority: unlessEmpty(host.priority),
    locality: { region: unlessEmpty(host.region), zone: unlessEmpty(host.zone), sub_zone: unlessEmpty(host.subZone) },
  };
}
