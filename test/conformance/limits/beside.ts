// One bootstrap, run by us and by a stock Envoy in turn: what a limit does is asked of both by the same test.

import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { readStatsQuery, renderStats, type StatsQuery } from '../../../sidecar/telemetry/render.ts';
import { type BootstrapPieces, bootstrapText, startProxy } from '../../mesh/proxy.ts';
import { envoyOrSkip, runEnvoy } from '../../mesh/envoy.ts';

export interface Limited {
  readonly port: number;
  /** Sum of the figures of /stats whose name matches. */
  sum(name: RegExp): Promise<number>;
}

export interface LimitedPieces extends BootstrapPieces {
  /** YAML of the top level. */
  readonly top?: string;
}

const ADMIN = 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}, ignore_global_conn_limit: true}';

/** `judge` runs once against us and once against Envoy. */
export function besideEnvoy(
  name: string,
  judge: (t: TestContext, start: (pieces: LimitedPieces) => Promise<Limited>) => Promise<void>,
): void {
  describe(name, () => {
    it('fairlead', (t) => judge(t, (pieces) => startOurs(t, pieces)));
    it('Envoy', envoyOrSkip(), (t) => judge(t, (pieces) => startEnvoy(t, pieces)));
  });
}

function textOf(pieces: LimitedPieces): string {
  return `${ADMIN}\n${bootstrapText(pieces)}\n${pieces.top ?? ''}\n`;
}

export async function startOurs(t: TestContext, pieces: LimitedPieces): Promise<Limited> {
  const proxy = await startProxy(textOf(pieces));
  t.after(() => proxy.close());
  return {
    port: proxy.port(),
    sum: async (name) => {
      const query = readStatsQuery(new URLSearchParams()) as StatsQuery;
      let shown = '';
      for await (const piece of renderStats(proxy.stats, query)) shown += piece;
      return sumOf(shown, name);
    },
  };
}

async function startEnvoy(t: TestContext, pieces: LimitedPieces): Promise<Limited> {
  const envoy = await runEnvoy(t, parse(textOf(pieces)) as Record<string, unknown>);
  const port = Number((await envoy.listener('main')).split(':')[1]);
  return { port, sum: (name) => envoy.sum(name) };
}

function sumOf(text: string, name: RegExp): number {
  const figures = text.split('\n').map((line) => line.split(': '));
  return figures.filter(([stat]) => name.test(stat ?? '')).reduce((sum, [, value]) => sum + Number(value), 0);
}
