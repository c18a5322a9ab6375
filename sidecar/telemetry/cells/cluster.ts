// What is counted of one cluster. Field names are Envoy's; the comment of each is its help text below.

import { Codes } from './codes.ts';
import { Histogram, merged } from './histogram.ts';
import { HTTP2_TABLE, Http2CodecStats, http2Rows } from './http2.ts';
import { clearCounters, computed, counter, gauge, rowsOf, zeros } from './table.ts';
import type { CodesRow, HistogramRow, Row, Table } from './table.ts';
import { type TlsStats, tlsRows } from './tls.ts';

/** Limits of one priority as they stand. `remaining` is null unless `track_remaining` is on. */
export interface LimitGauges {
  readonly cxOpen: boolean;
  readonly pendingOpen: boolean;
  readonly rqOpen: boolean;
  readonly retryOpen: boolean;
  readonly remaining: {
    readonly cx: number;
    readonly pending: number;
    readonly rq: number;
    readonly retries: number;
  } | null;
}

/** What is looked up when somebody asks, instead of being kept in step. */
export interface ClusterGauges {
  membership(): {
    readonly total: number;
    readonly healthy: number;
    readonly degraded: number;
    readonly excluded: number;
  };
  limits(priority: 'default' | 'high'): LimitGauges;
}

export class OutlierStats {
  ejections_active = 0;
  ejections_detected_consecutive_5xx = 0;
  ejections_detected_consecutive_gateway_failure = 0;
  ejections_detected_consecutive_local_origin_failure = 0;
  ejections_enforced_consecutive_5xx = 0;
  ejections_enforced_consecutive_gateway_failure = 0;
  ejections_enforced_consecutive_local_origin_failure = 0;
  ejections_enforced_total = 0;
  ejections_overflow = 0;
  /** Names from before 1.8, still shown. */
  ejections_total = 0;
  ejections_consecutive_5xx = 0;
}

export class Http1CodecStats {
  dropped_headers_with_underscores = 0;
  requests_rejected_with_underscores_in_headers = 0;
}

export class ClusterStats {
  upstream_cx_total = 0;
  upstream_cx_active = 0;
  upstream_cx_http1_total = 0;
  upstream_cx_http2_total = 0;
  upstream_cx_connect_fail = 0;
  upstream_cx_connect_timeout = 0;
  upstream_cx_connect_attempts_exceeded = 0;
  upstream_cx_overflow = 0;
  upstream_cx_pool_overflow = 0;
  upstream_cx_destroy = 0;
  upstream_cx_destroy_local = 0;
  upstream_cx_destroy_remote = 0;
  upstream_cx_destroy_with_active_rq = 0;
  upstream_cx_destroy_local_with_active_rq = 0;
  upstream_cx_destroy_remote_with_active_rq = 0;
  upstream_cx_close_notify = 0;
  upstream_cx_idle_timeout = 0;
  upstream_cx_max_duration_reached = 0;
  upstream_cx_max_requests = 0;
  upstream_cx_none_healthy = 0;
  upstream_cx_protocol_error = 0;
  upstream_cx_rx_bytes_total = 0;
  upstream_cx_rx_bytes_buffered = 0;
  upstream_cx_tx_bytes_total = 0;
  upstream_cx_tx_bytes_buffered = 0;
  upstream_rq_total = 0;
  upstream_rq_active = 0;
  upstream_rq_active_overflow = 0;
  upstream_rq_pending_total = 0;
  upstream_rq_pending_active = 0;
  upstream_rq_pending_overflow = 0;
  upstream_rq_pending_failure_eject = 0;
  upstream_rq_cancelled = 0;
  upstream_rq_timeout = 0;
  upstream_rq_per_try_timeout = 0;
  upstream_rq_per_try_idle_timeout = 0;
  upstream_rq_max_duration_reached = 0;
  upstream_rq_rx_reset = 0;
  upstream_rq_tx_reset = 0;
  upstream_rq_retry = 0;
  upstream_rq_retry_success = 0;
  upstream_rq_retry_overflow = 0;
  upstream_rq_retry_limit_exceeded = 0;
  upstream_rq_retry_backoff_exponential = 0;
  upstream_rq_retry_backoff_ratelimited = 0;
  upstream_internal_redirect_succeeded_total = 0;
  upstream_internal_redirect_failed_total = 0;
  upstream_flow_control_paused_reading_total = 0;
  upstream_flow_control_resumed_reading_total = 0;
  upstream_flow_control_backed_up_total = 0;
  upstream_flow_control_drained_total = 0;
  retry_or_shadow_abandoned = 0;
  bind_errors = 0;
  lb_healthy_panic = 0;
  membership_change = 0;
  update_attempt = 0;
  update_success = 0;
  update_failure = 0;
  update_empty = 0;
  update_no_rebuild = 0;
  assignment_stale = 0;
  assignment_timeout_received = 0;
  assignment_use_cached = 0;
  warming_state = 0;
  /** Set where TLS is spoken to the upstream. */
  ssl: TlsStats | null = null;
  /** Set where outlier detection is configured; shown only then. */
  outlier_detection: OutlierStats | null = null;
  readonly http1 = new Http1CodecStats();
  readonly http2 = new Http2CodecStats();
  /** Answers to clients that are not internal, the common case. Answers that were retried are in `retried`. */
  readonly external = new Codes();
  /** Times of answers to clients that are not internal. */
  readonly external_rq_time = new Histogram();
  readonly upstream_cx_connect_ms = new Histogram();
  readonly upstream_cx_length_ms = new Histogram();
  readonly upstream_rq_per_cx = new Histogram();
  /** Made with the first answer of the kind. */
  internal: Codes | null = null;
  internal_rq_time: Histogram | null = null;
  retried: Codes | null = null;
  canary: Codes | null = null;
  gauges: ClusterGauges | null = null;

  /** Counts a final answer, of the upstream or in its place, and its time in ms. */
  answered(status: number, ms: number, internal = false): void {
    if (internal) this.#answeredInternally(status, ms);
    else {
      this.external.add(status);
      this.external_rq_time.record(ms);
    }
  }

  #answeredInternally(status: number, ms: number): void {
    this.internal ??= new Codes();
    this.internal.add(status);
    this.internal_rq_time ??= new Histogram();
    this.internal_rq_time.record(ms);
  }

  /** Counts an answer that was not passed on because the request was tried again. */
  answeredAndRetried(status: number): void {
    this.retried ??= new Codes();
    this.retried.add(status);
  }

  clear(): void {
    clearCounters<ClusterStats>(CLUSTER_TABLE, this);
    if (this.outlier_detection !== null) clearCounters(OUTLIER_TABLE, this.outlier_detection);
    this.ssl?.clear();
    clearCounters(HTTP1_TABLE, this.http1);
    clearCounters(HTTP2_TABLE, this.http2);
    for (const codes of [this.external, this.internal, this.retried, this.canary]) codes?.clear();
  }
}

const CLUSTER_TABLE: Table<ClusterStats> = {
  upstream_cx_total: counter('Connections opened'),
  upstream_cx_active: gauge('Connections open now'),
  upstream_cx_http1_total: counter('HTTP/1.1 connections opened'),
  upstream_cx_http2_total: counter('HTTP/2 connections opened'),
  upstream_cx_connect_fail: counter('Connections that could not be opened'),
  upstream_cx_connect_timeout: counter('Connections that were not open in time'),
  upstream_cx_connect_attempts_exceeded: counter('Requests that ran out of connection attempts'),
  upstream_cx_overflow: counter('Times the connection limit was hit'),
  upstream_cx_pool_overflow: counter('Times the pool limit was hit'),
  upstream_cx_destroy: counter('Connections closed'),
  upstream_cx_destroy_local: counter('Connections closed by us'),
  upstream_cx_destroy_remote: counter('Connections closed by the upstream'),
  upstream_cx_destroy_with_active_rq: counter('Connections closed during a request'),
  upstream_cx_destroy_local_with_active_rq: counter('Connections closed by us during a request'),
  upstream_cx_destroy_remote_with_active_rq: counter('Connections closed by the upstream during a request'),
  upstream_cx_close_notify: counter('Connections closed because the answer said so'),
  upstream_cx_idle_timeout: counter('Connections closed for idleness'),
  upstream_cx_max_duration_reached: counter('Connections closed for their age'),
  upstream_cx_max_requests: counter('Connections closed after their last allowed request'),
  upstream_cx_none_healthy: counter('Requests without a host to go to'),
  upstream_cx_protocol_error: counter('Connections on which the upstream broke the protocol'),
  upstream_cx_rx_bytes_total: counter('Bytes received'),
  upstream_cx_rx_bytes_buffered: gauge('Bytes received and not yet passed on'),
  upstream_cx_tx_bytes_total: counter('Bytes sent'),
  upstream_cx_tx_bytes_buffered: gauge('Bytes waiting to be sent'),
  upstream_rq_total: counter('Requests sent to a host, each attempt'),
  upstream_rq_active: gauge('Requests under way'),
  upstream_rq_active_overflow: counter('Requests refused by the request limit'),
  upstream_rq_pending_total: counter('Requests that waited for a connection'),
  upstream_rq_pending_active: gauge('Requests waiting for a connection'),
  upstream_rq_pending_overflow: counter('Requests refused by a limit'),
  upstream_rq_pending_failure_eject: counter('Requests that failed with the connection they waited for'),
  upstream_rq_cancelled: counter('Requests cancelled before they had a connection'),
  upstream_rq_timeout: counter('Requests not answered in time'),
  upstream_rq_per_try_timeout: counter('Attempts not answered in time'),
  upstream_rq_per_try_idle_timeout: counter('Attempts on which nothing moved for too long'),
  upstream_rq_max_duration_reached: counter('Requests ended by their longest duration'),
  upstream_rq_rx_reset: counter('Requests reset by the upstream'),
  upstream_rq_tx_reset: counter('Requests reset by us'),
  upstream_rq_retry: counter('Retries'),
  upstream_rq_retry_success: counter('Retries that succeeded'),
  upstream_rq_retry_overflow: counter('Retries refused by a limit or budget'),
  upstream_rq_retry_limit_exceeded: counter('Requests that failed with their last retry'),
  upstream_rq_retry_backoff_exponential: counter('Retries after an exponential wait'),
  upstream_rq_retry_backoff_ratelimited: counter('Retries after a wait the upstream asked for'),
  upstream_internal_redirect_succeeded_total: counter('Redirects followed'),
  upstream_internal_redirect_failed_total: counter('Redirects passed on instead of followed'),
  upstream_flow_control_paused_reading_total: counter('Times reading from the upstream was paused'),
  upstream_flow_control_resumed_reading_total: counter('Times reading from the upstream was resumed'),
  upstream_flow_control_backed_up_total: counter('Times the upstream did not keep up'),
  upstream_flow_control_drained_total: counter('Times the upstream caught up'),
  retry_or_shadow_abandoned: counter('Requests too large to be kept for a retry or mirror'),
  bind_errors: counter('Failures to bind the source address'),
  lb_healthy_panic: counter('Picks made in panic, among all hosts'),
  membership_change: counter('Changes of the host list'),
  update_attempt: counter('Updates of the host list asked for'),
  update_success: counter('Updates of the host list taken'),
  update_failure: counter('Updates of the host list that failed'),
  update_empty: counter('Updates with an empty host list'),
  update_no_rebuild: counter('Updates that changed nothing'),
  assignment_stale: counter('Assignments that went stale'),
  assignment_timeout_received: counter('Assignments that came with an age limit'),
  assignment_use_cached: counter('Assignments served from the cache'),
  warming_state: gauge('1 while the cluster is warming'),
};

const OUTLIER_TABLE: Table<OutlierStats> = {
  ejections_active: gauge('Hosts ejected now'),
  ejections_detected_consecutive_5xx: counter('Runs of 5xx that were seen'),
  ejections_detected_consecutive_gateway_failure: counter('Runs of gateway failures that were seen'),
  ejections_detected_consecutive_local_origin_failure: counter('Runs of local failures that were seen'),
  ejections_enforced_consecutive_5xx: counter('Ejections for 5xx'),
  ejections_enforced_consecutive_gateway_failure: counter('Ejections for gateway failures'),
  ejections_enforced_consecutive_local_origin_failure: counter('Ejections for local failures'),
  ejections_enforced_total: counter('Ejections'),
  ejections_overflow: counter('Ejections that the share of ejected hosts did not allow'),
  ejections_total: counter('Ejections (older name)'),
  ejections_consecutive_5xx: counter('Ejections for 5xx (older name)'),
};

export const HTTP1_TABLE: Table<Http1CodecStats> = {
  dropped_headers_with_underscores: counter('Header fields dropped for an underscore'),
  requests_rejected_with_underscores_in_headers: counter('Messages refused for an underscore in a field name'),
};

const NEVER_COUNTED: readonly string[] = [
  'lb_local_cluster_not_ok',
  'lb_recalculate_zone_structures',
  'lb_subsets_created',
  'lb_subsets_fallback',
  'lb_subsets_fallback_panic',
  'lb_subsets_removed',
  'lb_subsets_selected',
  'lb_zone_cluster_too_small',
  'lb_zone_no_capacity_left',
  'lb_zone_routing_all_directly',
  'lb_zone_routing_cross_zone',
  'lb_zone_routing_sampled',
  'original_dst_host_invalid',
  'upstream_cx_connect_with_0_rtt',
  'upstream_cx_http3_total',
  'upstream_cx_preconnect_skipped',
  'upstream_http3_broken',
  'upstream_rq_0rtt',
  'upstream_rq_maintenance_mode',
  'upstream_rq_rx_reset_no_error',
];
const NEVER_COUNTED_OUTLIER: readonly string[] = [
  'detected_degradation',
  'detected_failure_percentage',
  'detected_local_origin_failure_percentage',
  'detected_local_origin_success_rate',
  'detected_success_rate',
  'enforced_failure_percentage',
  'enforced_local_origin_failure_percentage',
  'enforced_local_origin_success_rate',
  'enforced_success_rate',
  'success_rate',
].map((name) => `outlier_detection.ejections_${name}`);
/** Codec counters appear with the first connection. */
function http1Once(cell: ClusterStats): Http1CodecStats | null {
  return cell.upstream_cx_http1_total === 0 ? null : cell.http1;
}

function http2Once(cell: ClusterStats): Http2CodecStats | null {
  return cell.upstream_cx_http2_total === 0 ? null : cell.http2;
}

export const NEVER_COUNTED_HTTP1: readonly string[] = ['http1.metadata_not_supported_error', 'http1.response_flood'];
const NEVER_SET: readonly string[] = ['lb_subsets_active', 'max_host_weight', 'upstream_queue_overloaded', 'version'];

function limitRows(priority: 'default' | 'high'): Row<ClusterStats>[] {
  const limits = (cell: ClusterStats) => cell.gauges?.limits(priority) ?? null;
  const row = (name: string, help: string, read: (limits: LimitGauges) => number | null) =>
    computed<ClusterStats>('gauge', `circuit_breakers.${priority}.${name}`, help, (cell) => {
      const found = limits(cell);
      return found === null ? null : read(found);
    });
  return [
    row('cx_open', '1 while the connection limit is reached', ({ cxOpen }) => Number(cxOpen)),
    row('cx_pool_open', '1 while the pool limit is reached', () => 0),
    row('rq_pending_open', '1 while the limit of waiting requests is reached', ({ pendingOpen }) =>
      Number(pendingOpen),
    ),
    row('rq_open', '1 while the request limit is reached', ({ rqOpen }) => Number(rqOpen)),
    row('rq_retry_open', '1 while the retry limit is reached', ({ retryOpen }) => Number(retryOpen)),
    row('remaining_cx', 'Connections left', ({ remaining }) => remaining?.cx ?? null),
    row('remaining_pending', 'Waiting requests left', ({ remaining }) => remaining?.pending ?? null),
    row('remaining_rq', 'Requests left', ({ remaining }) => remaining?.rq ?? null),
    row('remaining_retries', 'Retries left', ({ remaining }) => remaining?.retries ?? null),
  ];
}

function membershipRow(name: 'total' | 'healthy' | 'degraded' | 'excluded', help: string): Row<ClusterStats> {
  return computed('gauge', `membership_${name}`, help, (cell) => cell.gauges?.membership()[name] ?? 0);
}

export const CLUSTER_ROWS: readonly Row<ClusterStats>[] = [
  ...rowsOf<ClusterStats, ClusterStats>(CLUSTER_TABLE, (cell) => cell),
  ...tlsRows<ClusterStats>((cell) => cell.ssl),
  ...rowsOf<ClusterStats, OutlierStats>(OUTLIER_TABLE, (cell) => cell.outlier_detection, 'outlier_detection.'),
  ...rowsOf<ClusterStats, Http1CodecStats>(HTTP1_TABLE, http1Once, 'http1.'),
  ...http2Rows<ClusterStats>(http2Once, 'http2.'),
  ...zeros<ClusterStats>('counter', NEVER_COUNTED),
  ...zeros<ClusterStats>('counter', NEVER_COUNTED_OUTLIER, (cell) => cell.outlier_detection !== null),
  ...zeros<ClusterStats>('counter', NEVER_COUNTED_HTTP1, (cell) => http1Once(cell) !== null),
  ...zeros<ClusterStats>('gauge', NEVER_SET),
  ...limitRows('default'),
  ...limitRows('high'),
  membershipRow('total', 'Hosts'),
  membershipRow('healthy', 'Hosts in good health'),
  membershipRow('degraded', 'Hosts in degraded health'),
  membershipRow('excluded', 'Hosts not counted yet'),
];

/** Groups of answers by status: `upstream_rq_completed`, `_2xx`, `_200` behind their prefix, each once seen. */
export const CLUSTER_CODES: readonly CodesRow<ClusterStats>[] = [
  { prefix: '', read: ({ external, internal }) => (internal === null ? [external] : [external, internal]) },
  { prefix: 'external.', read: ({ external }) => [external] },
  { prefix: 'internal.', read: ({ internal }) => (internal === null ? [] : [internal]) },
  { prefix: 'retry.', read: ({ retried }) => (retried === null ? [] : [retried]) },
  { prefix: 'canary.', read: ({ canary }) => (canary === null ? [] : [canary]) },
];

/** null before the first value: like counters by status, these appear with the first answer. */
const onceUsed = (histogram: Histogram | null) => (histogram === null || histogram.count === 0 ? null : histogram);

export const CLUSTER_HISTOGRAMS: readonly HistogramRow<ClusterStats>[] = [
  {
    name: 'upstream_rq_time',
    help: 'Time to the end of the answer, ms',
    read: (cell) => {
      const { external_rq_time, internal_rq_time } = cell;
      return onceUsed(internal_rq_time === null ? external_rq_time : merged(external_rq_time, internal_rq_time));
    },
  },
  {
    name: 'external.upstream_rq_time',
    help: 'The same for clients that are not internal, ms',
    read: (cell) => onceUsed(cell.external_rq_time),
  },
  {
    name: 'internal.upstream_rq_time',
    help: 'The same for internal clients, ms',
    read: (cell) => onceUsed(cell.internal_rq_time),
  },
  {
    name: 'upstream_cx_connect_ms',
    help: 'Time to open a connection, ms',
    read: (cell) => cell.upstream_cx_connect_ms,
  },
  { name: 'upstream_cx_length_ms', help: 'Life of a connection, ms', read: (cell) => cell.upstream_cx_length_ms },
  { name: 'upstream_rq_per_cx', help: 'Requests on a connection', read: (cell) => cell.upstream_rq_per_cx },
];

/** The codec counters of all listeners together, under `http1.` */
export const HTTP1_ROWS: readonly Row<Http1CodecStats>[] = [
  ...rowsOf<Http1CodecStats, Http1CodecStats>(HTTP1_TABLE, (cell) => cell),
  ...zeros<Http1CodecStats>('counter', ['metadata_not_supported_error', 'response_flood']),
];
