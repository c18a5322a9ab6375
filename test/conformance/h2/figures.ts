// A figure of /stats, by its name.

import type { TestProxy } from '../../mesh/proxy.ts';
import { readStatsQuery, renderStats, type StatsQuery } from '../../../sidecar/telemetry/render.ts';

export async function figure({ stats }: TestProxy, name: string): Promise<number> {
  const query = readStatsQuery(new URLSearchParams()) as StatsQuery;
  let shown = '';
  for await (const piece of renderStats(stats, query)) shown += piece;
  const line = shown.split('\n').find((one) => one.startsWith(`${name}: `));
  if (line === undefined) throw new Error(`there is no figure ${name}`);
  return Number(line.slice(name.length + 2));
}
