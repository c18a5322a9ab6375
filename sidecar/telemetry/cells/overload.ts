// What is counted of the bound on all bytes of bodies that wait in the process.

import { clearCounters, counter, gauge, rowsOf } from './table.ts';
import type { Row, Table } from './table.ts';

export class OverloadStats {
  buffered_bytes = 0;
  buffered_bytes_limit = 0;
  copies_dropped = 0;
  reading_stopped = 0;

  clear(): void {
    clearCounters<OverloadStats>(OVERLOAD_TABLE, this);
  }
}

const OVERLOAD_TABLE: Table<OverloadStats> = {
  buffered_bytes: gauge('Bytes of bodies that wait in the process'),
  buffered_bytes_limit: gauge('How many may'),
  copies_dropped: counter('Request bodies let go at the limit, which can then not be sent again'),
  reading_stopped: counter('Times a client was not read from because the limit was reached'),
};

export const OVERLOAD_ROWS: readonly Row<OverloadStats>[] = rowsOf<OverloadStats, OverloadStats>(
  OVERLOAD_TABLE,
  (cell) => cell,
);
