// What is counted of gRPC calls to one method of a cluster's, or to all that have no figures of their own.

import type { Histogram } from './histogram.ts';
import { clearCounters, counter, rowsOf } from './table.ts';
import type { HistogramRow, Row, Table } from './table.ts';

/** Statuses of gRPC: 0 to 16. */
const STATUSES = 17;

export class GrpcStats {
  success = 0;
  failure = 0;
  total = 0;
  request_message_count = 0;
  response_message_count = 0;
  /** Calls by the number of their status. */
  readonly statuses: number[] = new Array<number>(STATUSES).fill(0);
  /** null: nobody wants it. */
  upstream_rq_time: Histogram | null = null;

  /** `status` is 0 to 16. */
  ended(status: number): void {
    this.total++;
    if (status === 0) this.success++;
    else this.failure++;
    this.statuses[status] = (this.statuses[status] as number) + 1;
  }

  clear(): void {
    clearCounters<GrpcStats>(TABLE, this);
    this.statuses.fill(0);
  }
}

const TABLE: Table<GrpcStats> = {
  success: counter('gRPC calls that ended with status 0'),
  failure: counter('gRPC calls that ended with another status'),
  total: counter('gRPC calls that ended with a status'),
  request_message_count: counter('Messages of gRPC requests'),
  response_message_count: counter('Messages of gRPC answers'),
};

/** `0` to `16`: only what was seen. */
function statusRow(_: unknown, status: number): Row<GrpcStats> {
  return {
    name: String(status),
    family: String(status),
    label: '',
    kind: 'counter',
    help: `gRPC calls that ended with status ${status}`,
    read: ({ statuses }) => statuses[status] || null,
  };
}

export const GRPC_ROWS: readonly Row<GrpcStats>[] = [
  ...rowsOf<GrpcStats, GrpcStats>(TABLE, (cell) => cell),
  ...Array.from({ length: STATUSES }, statusRow),
];

export const GRPC_HISTOGRAMS: readonly HistogramRow<GrpcStats>[] = [
  {
    name: 'upstream_rq_time',
    help: 'Time from the last byte of a request to the last of its answer, ms',
    read: ({ upstream_rq_time }) => upstream_rq_time,
  },
];
