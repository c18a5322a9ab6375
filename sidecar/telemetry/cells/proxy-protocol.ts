// What is counted of PROXY headers that listeners read.

import { clearCounters, counter, rowsOf } from './table.ts';
import type { Row, Table } from './table.ts';

/** Of one version. */
export class ProxyVersionStats {
  found = 0;
  disallowed = 0;
  error = 0;
}

export class ProxyProtocolStats {
  not_found_allowed = 0;
  not_found_disallowed = 0;
  readonly versions: Readonly<Record<1 | 2, ProxyVersionStats>> = {
    1: new ProxyVersionStats(),
    2: new ProxyVersionStats(),
  };

  clear(): void {
    clearCounters<ProxyProtocolStats>(TABLE, this);
    for (const version of [1, 2] as const) clearCounters(VERSION_TABLE, this.versions[version]);
  }
}

const TABLE: Table<ProxyProtocolStats> = {
  not_found_allowed: counter('Connections without a PROXY header that were let in'),
  not_found_disallowed: counter('Connections refused for want of a PROXY header'),
};

const VERSION_TABLE: Table<ProxyVersionStats> = {
  found: counter('PROXY headers read'),
  disallowed: counter('Connections refused for the version of their PROXY header'),
  error: counter('Connections refused for a bad PROXY header'),
};

function versionRows(version: 1 | 2): Row<ProxyProtocolStats>[] {
  return rowsOf<ProxyProtocolStats, ProxyVersionStats>(
    VERSION_TABLE,
    (cell) => cell.versions[version],
    `versions.v${version}.`,
  );
}

export const PROXY_PROTOCOL_ROWS: readonly Row<ProxyProtocolStats>[] = [
  ...rowsOf<ProxyProtocolStats, ProxyProtocolStats>(TABLE, (cell) => cell),
  ...versionRows(1),
  ...versionRows(2),
];
