// What is counted once for the whole program: the server, its managers, its subscriptions, its log files.

import { Histogram } from './histogram.ts';
import { clearCounters, counter, gauge, rowsOf, zeros } from './table.ts';
import type { HistogramRow, Row, Table } from './table.ts';

export class ServerStats {
  live = 0;
  /** 0 live, 1 draining, 2 before initialization, 3 initializing. */
  state = 2;
  concurrency = 1;
  /** Seconds. */
  uptime = 0;
  memory_allocated = 0;
  memory_heap_size = 0;
  memory_physical_size = 0;
  total_connections = 0;
  days_until_first_cert_expiring = 4294967295;
  static_unknown_fields = 0;
  dynamic_unknown_fields = 0;
  readonly initialization_time_ms = new Histogram();
}

export class ClusterManagerStats {
  active_clusters = 0;
  warming_clusters = 0;
  cluster_added = 0;
  cluster_modified = 0;
  cluster_removed = 0;
  cluster_updated = 0;
}

export class ListenerManagerStats {
  listener_added = 0;
  listener_modified = 0;
  listener_removed = 0;
  listener_stopped = 0;
  listener_create_success = 0;
  listener_create_failure = 0;
  listener_in_place_updated = 0;
  total_listeners_active = 0;
  total_listeners_draining = 0;
  total_listeners_warming = 0;
  total_filter_chains_draining = 0;
  workers_started = 0;
}

export class ControlPlaneStats {
  connected_state = 0;
  /** Ours. */
  stale_seconds = 0;
  pending_requests = 0;
  rate_limit_enforced = 0;
}

/** One xDS subscription: `cluster_manager.cds.`, `listener_manager.lds.`, `http.PREFIX.rds.NAME.`, `sds.NAME.` */
export class SubscriptionStats {
  update_attempt = 0;
  update_success = 0;
  update_failure = 0;
  update_rejected = 0;
  init_fetch_timeout = 0;
  config_reload = 0;
  /** A number made from the version text. */
  version = 0;
  /** Wall clock of the last update, ms since 1970. */
  update_time = 0;
}

export class FilesystemStats {
  write_buffered = 0;
  write_completed = 0;
  write_failed = 0;
  write_total_buffered = 0;
  flushed_by_timer = 0;
  reopen_failed = 0;
  /** Ours: log lines lost because their sink did not keep up, or could not be written. */
  lines_dropped = 0;
}

const SERVER_TABLE: Table<ServerStats> = {
  live: gauge('1 when not draining'),
  state: gauge('0 live, 1 draining, 2 and 3 starting'),
  concurrency: gauge('Worker threads'),
  uptime: gauge('Seconds since the start'),
  memory_allocated: gauge('Bytes in use on the heap'),
  memory_heap_size: gauge('Bytes of the heap'),
  memory_physical_size: gauge('Resident bytes'),
  total_connections: gauge('Connections open now'),
  days_until_first_cert_expiring: gauge('Days until the first certificate expires'),
  static_unknown_fields: counter('Unknown fields in static configuration'),
  dynamic_unknown_fields: counter('Unknown fields in dynamic configuration'),
};

const CLUSTER_MANAGER_TABLE: Table<ClusterManagerStats> = {
  active_clusters: gauge('Clusters in use'),
  warming_clusters: gauge('Clusters warming'),
  cluster_added: counter('Clusters added'),
  cluster_modified: counter('Clusters changed'),
  cluster_removed: counter('Clusters removed'),
  cluster_updated: counter('Host updates applied'),
};

const LISTENER_MANAGER_TABLE: Table<ListenerManagerStats> = {
  listener_added: counter('Listeners added'),
  listener_modified: counter('Listeners changed'),
  listener_removed: counter('Listeners removed'),
  listener_stopped: counter('Listeners stopped'),
  listener_create_success: counter('Listeners started'),
  listener_create_failure: counter('Listeners that could not be started'),
  listener_in_place_updated: counter('Listeners changed without closing connections'),
  total_listeners_active: gauge('Listeners in use'),
  total_listeners_draining: gauge('Listeners draining'),
  total_listeners_warming: gauge('Listeners warming'),
  total_filter_chains_draining: gauge('Filter chains draining'),
  workers_started: gauge('1 when the workers run'),
};

const CONTROL_PLANE_TABLE: Table<ControlPlaneStats> = {
  connected_state: gauge('1 while connected to the control plane'),
  stale_seconds: gauge('Seconds since the control plane was last connected, 0 while it is'),
  pending_requests: gauge('Requests held back by rate limits'),
  rate_limit_enforced: counter('Times a rate limit held requests back'),
};

const SUBSCRIPTION_TABLE: Table<SubscriptionStats> = {
  update_attempt: counter('Updates asked for'),
  update_success: counter('Updates taken'),
  update_failure: counter('Updates that failed on the way'),
  update_rejected: counter('Updates refused'),
  init_fetch_timeout: counter('First updates that did not come in time'),
  config_reload: counter('Updates that changed something'),
  version: gauge('A number made from the version'),
  update_time: gauge('Time of the last update, ms since 1970'),
};

const FILESYSTEM_TABLE: Table<FilesystemStats> = {
  write_buffered: counter('Lines put into a buffer'),
  write_completed: counter('Writes done'),
  write_failed: counter('Writes that failed'),
  write_total_buffered: gauge('Bytes waiting to be written'),
  flushed_by_timer: counter('Buffers written because their time had come'),
  reopen_failed: counter('Files that could not be opened again'),
  lines_dropped: counter('Lines lost because their sink did not keep up or could not be written'),
};

export const SERVER_ROWS: readonly Row<ServerStats>[] = [
  ...rowsOf<ServerStats, ServerStats>(SERVER_TABLE, (cell) => cell),
  ...zeros<ServerStats>('counter', [
    'debug_assertion_failures',
    'dropped_stat_flushes',
    'envoy_bug_failures',
    'envoy_notifications',
    'wip_protos',
  ]),
  ...zeros<ServerStats>('gauge', [
    'compilation_settings.fips_mode',
    'hot_restart_epoch',
    'parent_connections',
    'seconds_until_first_ocsp_response_expiring',
  ]),
];
export const SERVER_HISTOGRAMS: readonly HistogramRow<ServerStats>[] = [
  { name: 'initialization_time_ms', help: 'Time to start, ms', read: (cell) => cell.initialization_time_ms },
];
export const CLUSTER_MANAGER_ROWS: readonly Row<ClusterManagerStats>[] = [
  ...rowsOf<ClusterManagerStats, ClusterManagerStats>(CLUSTER_MANAGER_TABLE, (cell) => cell),
  ...zeros<ClusterManagerStats>('counter', [
    'cluster_updated_via_merge',
    'update_merge_cancelled',
    'update_out_of_merge_window',
  ]),
];
export const LISTENER_MANAGER_ROWS: readonly Row<ListenerManagerStats>[] = [
  ...rowsOf<ListenerManagerStats, ListenerManagerStats>(LISTENER_MANAGER_TABLE, (cell) => cell),
  ...zeros<ListenerManagerStats>('gauge', ['workers_pinned']),
];
export const CONTROL_PLANE_ROWS: readonly Row<ControlPlaneStats>[] = rowsOf<ControlPlaneStats, ControlPlaneStats>(
  CONTROL_PLANE_TABLE,
  (cell) => cell,
);
export const SUBSCRIPTION_ROWS: readonly Row<SubscriptionStats>[] = rowsOf<SubscriptionStats, SubscriptionStats>(
  SUBSCRIPTION_TABLE,
  (cell) => cell,
);
export const FILESYSTEM_ROWS: readonly Row<FilesystemStats>[] = rowsOf<FilesystemStats, FilesystemStats>(
  FILESYSTEM_TABLE,
  (cell) => cell,
);

/** Back to 0 for whatever in these is a counter. */
export function clearServerCells(cells: ServerCells): void {
  clearCounters(SERVER_TABLE, cells.server);
  clearCounters(CLUSTER_MANAGER_TABLE, cells.clusterManager);
  clearCounters(LISTENER_MANAGER_TABLE, cells.listenerManager);
  clearCounters(FILESYSTEM_TABLE, cells.filesystem);
}

export function clearSubscription(cell: SubscriptionStats): void {
  clearCounters(SUBSCRIPTION_TABLE, cell);
}

export interface ServerCells {
  readonly server: ServerStats;
  readonly clusterManager: ClusterManagerStats;
  readonly listenerManager: ListenerManagerStats;
  readonly filesystem: FilesystemStats;
}
