// What is counted of HTTP connection managers with one stat_prefix, of RBAC filters, and of connection
// managers as parts of a listener.

import { Codes } from './codes.ts';
import { Histogram } from './histogram.ts';
import { classRows, clearCounters, computed, counter, gauge, rowsOf, zeros } from './table.ts';
import type { HistogramRow, Row, Table } from './table.ts';

/** Why requests were traced, or not. */
export class TracingStats {
  random_sampling = 0;
  service_forced = 0;
  client_enabled = 0;
  not_traceable = 0;
  health_check = 0;
}

export class RbacStats {
  allowed = 0;
  denied = 0;
  shadow_allowed = 0;
  shadow_denied = 0;
}

export class HttpStats {
  downstream_cx_total = 0;
  downstream_cx_active = 0;
  downstream_cx_http1_total = 0;
  downstream_cx_http1_active = 0;
  downstream_cx_http2_total = 0;
  downstream_cx_http2_active = 0;
  downstream_cx_ssl_total = 0;
  downstream_cx_ssl_active = 0;
  downstream_cx_upgrades_total = 0;
  downstream_cx_upgrades_active = 0;
  downstream_cx_destroy = 0;
  downstream_cx_destroy_local = 0;
  downstream_cx_destroy_remote = 0;
  downstream_cx_destroy_active_rq = 0;
  downstream_cx_destroy_local_active_rq = 0;
  downstream_cx_destroy_remote_active_rq = 0;
  downstream_cx_delayed_close_timeout = 0;
  downstream_cx_drain_close = 0;
  downstream_cx_idle_timeout = 0;
  downstream_cx_max_duration_reached = 0;
  downstream_cx_max_requests_reached = 0;
  downstream_cx_protocol_error = 0;
  downstream_cx_rx_bytes_total = 0;
  downstream_cx_rx_bytes_buffered = 0;
  downstream_cx_tx_bytes_total = 0;
  downstream_cx_tx_bytes_buffered = 0;
  downstream_flow_control_paused_reading_total = 0;
  downstream_flow_control_resumed_reading_total = 0;
  downstream_rq_total = 0;
  downstream_rq_active = 0;
  downstream_rq_http1_total = 0;
  downstream_rq_http2_total = 0;
  downstream_rq_failed_path_normalization = 0;
  downstream_rq_redirected_with_normalized_path = 0;
  downstream_rq_header_timeout = 0;
  downstream_rq_idle_timeout = 0;
  downstream_rq_max_duration_reached = 0;
  downstream_rq_non_relative_path = 0;
  downstream_rq_response_before_rq_complete = 0;
  downstream_rq_rx_reset = 0;
  downstream_rq_tx_reset = 0;
  downstream_rq_timeout = 0;
  downstream_rq_too_large = 0;
  downstream_rq_overload_close = 0;
  downstream_rq_ws_on_non_ws_route = 0;
  rs_too_large = 0;
  no_route = 0;
  no_cluster = 0;
  rq_direct_response = 0;
  rq_redirect = 0;
  rq_reset_after_downstream_response_started = 0;
  rq_total = 0;
  passthrough_internal_redirect_bad_location = 0;
  passthrough_internal_redirect_no_route = 0;
  passthrough_internal_redirect_predicate = 0;
  passthrough_internal_redirect_too_many_redirects = 0;
  passthrough_internal_redirect_unsafe_scheme = 0;
  /** Every answer sent: `downstream_rq_completed` and `downstream_rq_2xx` are summed from it. */
  readonly codes = new Codes();
  readonly downstream_rq_time = new Histogram();
  readonly downstream_cx_length_ms = new Histogram();
  tracing: TracingStats = new TracingStats();

  clear(): void {
    clearCounters<HttpStats>(HTTP_TABLE, this);
    clearCounters(TRACING_TABLE, this.tracing);
    this.codes.clear();
  }
}

const HTTP_TABLE: Table<HttpStats> = {
  downstream_cx_total: counter('Connections accepted'),
  downstream_cx_active: gauge('Connections open now'),
  downstream_cx_http1_total: counter('HTTP/1.1 connections accepted'),
  downstream_cx_http1_active: gauge('HTTP/1.1 connections open now'),
  downstream_cx_http2_total: counter('HTTP/2 connections accepted'),
  downstream_cx_http2_active: gauge('HTTP/2 connections open now'),
  downstream_cx_ssl_total: counter('TLS connections accepted'),
  downstream_cx_ssl_active: gauge('TLS connections open now'),
  downstream_cx_upgrades_total: counter('Connections that were upgraded'),
  downstream_cx_upgrades_active: gauge('Upgraded connections open now'),
  downstream_cx_destroy: counter('Connections closed'),
  downstream_cx_destroy_local: counter('Connections closed by us'),
  downstream_cx_destroy_remote: counter('Connections closed by the client'),
  downstream_cx_destroy_active_rq: counter('Connections closed during a request'),
  downstream_cx_destroy_local_active_rq: counter('Connections closed by us during a request'),
  downstream_cx_destroy_remote_active_rq: counter('Connections closed by the client during a request'),
  downstream_cx_delayed_close_timeout: counter('Connections closed because the client did not close in time'),
  downstream_cx_drain_close: counter('Connections closed for draining'),
  downstream_cx_idle_timeout: counter('Connections closed for idleness'),
  downstream_cx_max_duration_reached: counter('Connections closed for their age'),
  downstream_cx_max_requests_reached: counter('Connections closed after their last allowed request'),
  downstream_cx_protocol_error: counter('Connections on which the client broke the protocol'),
  downstream_cx_rx_bytes_total: counter('Bytes received'),
  downstream_cx_rx_bytes_buffered: gauge('Bytes received and not yet passed on'),
  downstream_cx_tx_bytes_total: counter('Bytes sent'),
  downstream_cx_tx_bytes_buffered: gauge('Bytes waiting to be sent'),
  downstream_flow_control_paused_reading_total: counter('Times reading from the client was paused'),
  downstream_flow_control_resumed_reading_total: counter('Times reading from the client was resumed'),
  downstream_rq_total: counter('Requests'),
  downstream_rq_active: gauge('Requests under way'),
  downstream_rq_http1_total: counter('HTTP/1.1 requests'),
  downstream_rq_http2_total: counter('HTTP/2 requests'),
  downstream_rq_failed_path_normalization: counter('Requests whose path could not be normalised'),
  downstream_rq_redirected_with_normalized_path: counter('Requests sent to their normalised path'),
  downstream_rq_header_timeout: counter('Requests whose head did not come in time'),
  downstream_rq_idle_timeout: counter('Requests on which nothing moved for too long'),
  downstream_rq_max_duration_reached: counter('Requests ended by their longest duration'),
  downstream_rq_non_relative_path: counter('Requests with a path that is not absolute'),
  downstream_rq_response_before_rq_complete: counter('Answers sent before the request was whole'),
  downstream_rq_rx_reset: counter('Requests reset by the client'),
  downstream_rq_tx_reset: counter('Requests reset by us'),
  downstream_rq_timeout: counter('Requests that did not arrive in time'),
  downstream_rq_too_large: counter('Requests refused for their size'),
  downstream_rq_overload_close: counter('Requests refused because too much waits in the process'),
  downstream_rq_ws_on_non_ws_route: counter('Upgrades refused by their route'),
  rs_too_large: counter('Answers larger than a buffer'),
  no_route: counter('Requests without a route'),
  no_cluster: counter('Requests routed to a cluster that is not there'),
  rq_direct_response: counter('Requests answered by their route'),
  rq_redirect: counter('Requests redirected by their route'),
  rq_reset_after_downstream_response_started: counter('Requests reset after their answer began'),
  rq_total: counter('Requests that came to the router'),
  passthrough_internal_redirect_bad_location: counter('Redirects passed on: location not understood'),
  passthrough_internal_redirect_no_route: counter('Redirects passed on: no route'),
  passthrough_internal_redirect_predicate: counter('Redirects passed on: a predicate said no'),
  passthrough_internal_redirect_too_many_redirects: counter('Redirects passed on: too many'),
  passthrough_internal_redirect_unsafe_scheme: counter('Redirects passed on: other scheme'),
};

const TRACING_TABLE: Table<TracingStats> = {
  random_sampling: counter('Requests traced by chance'),
  service_forced: counter('Requests traced because a service asked'),
  client_enabled: counter('Requests traced because a client asked'),
  not_traceable: counter('Requests that are never traced'),
  health_check: counter('Health checks, not traced'),
};

const RBAC_TABLE: Table<RbacStats> = {
  allowed: counter('Requests or connections allowed'),
  denied: counter('Requests or connections denied'),
  shadow_allowed: counter('Requests that the shadow rules would allow'),
  shadow_denied: counter('Requests that the shadow rules would deny'),
};

const NEVER_COUNTED: readonly string[] = [
  'downstream_cx_http3_total',
  'downstream_cx_overload_disable_keepalive',
  'downstream_rq_http3_total',
  'downstream_rq_rejected_via_ip_detection',
  'downstream_rq_too_many_premature_resets',
  'rq_overload_local_reply',
];
const NEVER_SET: readonly string[] = ['downstream_cx_http1_soft_drain', 'downstream_cx_http3_active'];

function codesRows<C>(codes: (cell: C) => Codes): Row<C>[] {
  return [
    ...classRows<C>('downstream_rq', 'Answers by class', (cell, hundreds) => codes(cell).ofClass(hundreds)),
    computed<C>('counter', 'downstream_rq_completed', 'Answers', (cell) => codes(cell).total()),
  ];
}

export const HTTP_ROWS: readonly Row<HttpStats>[] = [
  ...rowsOf<HttpStats, HttpStats>(HTTP_TABLE, (cell) => cell),
  ...rowsOf<HttpStats, TracingStats>(TRACING_TABLE, (cell) => cell.tracing, 'tracing.'),
  ...zeros<HttpStats>('counter', NEVER_COUNTED),
  ...zeros<HttpStats>('gauge', NEVER_SET),
  ...codesRows<HttpStats>((cell) => cell.codes),
];

export const HTTP_HISTOGRAMS: readonly HistogramRow<HttpStats>[] = [
  {
    name: 'downstream_rq_time',
    help: 'Time from the first byte of a request to the last of its answer, ms',
    read: (cell) => cell.downstream_rq_time,
  },
  { name: 'downstream_cx_length_ms', help: 'Life of a connection, ms', read: (cell) => cell.downstream_cx_length_ms },
];

export const LISTENER_HTTP_ROWS: readonly Row<Codes>[] = codesRows<Codes>((cell) => cell);
export const RBAC_ROWS: readonly Row<RbacStats>[] = rowsOf<RbacStats, RbacStats>(RBAC_TABLE, (cell) => cell);

export function clearRbac(cell: RbacStats): void {
  clearCounters(RBAC_TABLE, cell);
}
