// What is counted of the connections of one TCP proxy.

import { clearCounters, counter, rowsOf, zeros } from './table.ts';
import type { Row, Table } from './table.ts';

export class TcpStats {
  downstream_cx_total = 0;
  downstream_cx_no_route = 0;
  downstream_cx_rx_bytes_total = 0;
  downstream_cx_tx_bytes_total = 0;
  downstream_flow_control_paused_reading_total = 0;
  downstream_flow_control_resumed_reading_total = 0;
  idle_timeout = 0;
  max_downstream_connection_duration = 0;

  clear(): void {
    clearCounters<TcpStats>(TCP_TABLE, this);
  }
}

const TCP_TABLE: Table<TcpStats> = {
  downstream_cx_total: counter('Connections handled'),
  downstream_cx_no_route: counter('Connections whose cluster does not exist'),
  downstream_cx_rx_bytes_total: counter('Bytes received from clients'),
  downstream_cx_tx_bytes_total: counter('Bytes sent to clients'),
  downstream_flow_control_paused_reading_total: counter('Times reading from the client was paused'),
  downstream_flow_control_resumed_reading_total: counter('Times reading from the client was resumed'),
  idle_timeout: counter('Connections closed for idleness'),
  max_downstream_connection_duration: counter('Connections closed for their age'),
};

export const TCP_ROWS: readonly Row<TcpStats>[] = [
  ...rowsOf<TcpStats, TcpStats>(TCP_TABLE, (cell) => cell),
  ...zeros<TcpStats>('counter', [
    'downstream_cx_drain_close',
    'downstream_cx_overload_close',
    'early_data_received_count_total',
    'route_delayed_total',
    'upstream_flush_total',
  ]),
  ...zeros<TcpStats>('gauge', ['upstream_flush_active']),
];
