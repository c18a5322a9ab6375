// What is counted of one listener, below HTTP.

import { Histogram } from './histogram.ts';
import { clearCounters, counter, gauge, rowsOf, zeros } from './table.ts';
import type { Declared, HistogramRow, Row, Table } from './table.ts';
import { type TlsStats, tlsRows } from './tls.ts';

export class ListenerStats {
  downstream_cx_total = 0;
  downstream_cx_active = 0;
  downstream_cx_destroy = 0;
  downstream_cx_overflow = 0;
  downstream_global_cx_overflow = 0;
  downstream_cx_transport_socket_connect_timeout = 0;
  downstream_listener_filter_error = 0;
  downstream_listener_filter_remote_close = 0;
  downstream_pre_cx_active = 0;
  downstream_pre_cx_timeout = 0;
  no_filter_chain_match = 0;
  ssl: TlsStats | null = null;
  readonly downstream_cx_length_ms = new Histogram();

  clear(): void {
    clearCounters<ListenerStats>(LISTENER_TABLE, this);
    this.ssl?.clear();
  }
}

const LISTENER_TABLE: Table<ListenerStats> = {
  downstream_cx_total: counter('Connections accepted'),
  downstream_cx_active: gauge('Connections open now'),
  downstream_cx_destroy: counter('Connections closed'),
  downstream_cx_overflow: counter('Connections refused by the limit of the listener'),
  downstream_global_cx_overflow: counter('Connections refused by the limit of all listeners'),
  downstream_cx_transport_socket_connect_timeout: counter('Handshakes that did not end in time'),
  downstream_listener_filter_error: counter('Connections that a listener filter refused'),
  downstream_listener_filter_remote_close: counter('Connections closed while a listener filter was reading'),
  downstream_pre_cx_active: gauge('Connections in listener filters'),
  downstream_pre_cx_timeout: counter('Connections that listener filters held too long'),
  no_filter_chain_match: counter('Connections for which no filter chain was found'),
};

/** Envoy counts for each worker; here is one. */
function workerRow(name: 'downstream_cx_active' | 'downstream_cx_total', { kind, help }: Declared): Row<ListenerStats> {
  const label = 'envoy_worker_id="0"';
  return { name: `worker_0.${name}`, family: `worker_${name}`, label, kind, help, read: (cell) => cell[name] };
}

export const LISTENER_ROWS: readonly Row<ListenerStats>[] = [
  ...rowsOf<ListenerStats, ListenerStats>(LISTENER_TABLE, (cell) => cell),
  ...tlsRows<ListenerStats>((cell) => cell.ssl),
  workerRow('downstream_cx_active', LISTENER_TABLE.downstream_cx_active),
  workerRow('downstream_cx_total', LISTENER_TABLE.downstream_cx_total),
  ...zeros<ListenerStats>('counter', [
    'downstream_cx_overload_reject',
    'extension_config_missing',
    'network_extension_config_missing',
  ]),
];

export const LISTENER_HISTOGRAMS: readonly HistogramRow<ListenerStats>[] = [
  { name: 'downstream_cx_length_ms', help: 'Life of a connection, ms', read: (cell) => cell.downstream_cx_length_ms },
];
