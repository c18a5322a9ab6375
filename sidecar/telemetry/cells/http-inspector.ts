// What http_inspector finds at the beginning of connections.

import { clearCounters, counter, rowsOf } from './table.ts';
import type { Row, Table } from './table.ts';

export class HttpInspectorStats {
  http10_found = 0;
  http11_found = 0;
  http2_found = 0;
  http_not_found = 0;
  read_error = 0;

  clear(): void {
    clearCounters<HttpInspectorStats>(HTTP_INSPECTOR_TABLE, this);
  }
}

const HTTP_INSPECTOR_TABLE: Table<HttpInspectorStats> = {
  http10_found: counter('Connections that began with HTTP/1.0'),
  http11_found: counter('Connections that began with HTTP/1.1'),
  http2_found: counter('Connections that began with the preface of HTTP/2'),
  http_not_found: counter('Connections that began with something else'),
  read_error: counter('Reads that failed, of which Envoy speaks: here such a connection is gone before'),
};

export const HTTP_INSPECTOR_ROWS: readonly Row<HttpInspectorStats>[] = rowsOf<HttpInspectorStats, HttpInspectorStats>(
  HTTP_INSPECTOR_TABLE,
  (cell) => cell,
);
