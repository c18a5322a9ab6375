// What is counted of TLS, of a listener or of a cluster.

import { clearCounters, counter, type Row, rowsOf, type Table } from './table.ts';

/** Shown where TLS is configured. */
export class TlsStats {
  handshake = 0;
  connection_error = 0;
  no_certificate = 0;
  fail_verify_no_cert = 0;
  fail_verify_error = 0;
  fail_verify_san = 0;
  fail_verify_cert_hash = 0;
  session_reused = 0;

  clear(): void {
    clearCounters<TlsStats>(TLS_TABLE, this);
  }
}

const TLS_TABLE: Table<TlsStats> = {
  handshake: counter('Handshakes completed'),
  connection_error: counter('Connections that failed in TLS'),
  no_certificate: counter('Connections without a certificate of the peer'),
  fail_verify_no_cert: counter('Connections refused: no certificate'),
  fail_verify_error: counter('Connections refused: certificate not trusted'),
  fail_verify_san: counter('Connections refused: other name'),
  fail_verify_cert_hash: counter('Connections refused: other certificate'),
  session_reused: counter('Sessions resumed'),
};

export function tlsRows<Cell>(read: (cell: Cell) => TlsStats | null): readonly Row<Cell>[] {
  return rowsOf<Cell, TlsStats>(TLS_TABLE, read, 'ssl.');
}
