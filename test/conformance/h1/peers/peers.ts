// Who else the corpus is run through: for each, its version, and how it is started before the lanes' origins.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../../examples/tea-shop/free-ports.ts';
import { allPeers } from '../../../bench/peers/peers.ts';
import { PROXY_CORE, start } from '../../../bench/processes.ts';
import { eventually } from '../../../mesh/discovery.ts';
import { findEnvoy } from '../../../mesh/envoy.ts';
import { bootstrapOf, type Hop } from '../bootstrap.ts';
import { type Lanes, makeOrigin } from '../ours.ts';
import type { Lane } from '../play.ts';
import { haproxyConfig } from './haproxy.ts';
import { nginxConfig } from './nginx.ts';
import { SyncConnection } from './sync.ts';

/** Others may wait for what we do not wait for: then the play goes on without. */
const MOVE_MS = 250;
const LIMIT_MS = 1500;

export const PEER_NAMES = ['nginx', 'haproxy', 'envoy'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** null: it is not installed. */
export function versionOf(name: string): string | null {
  return allPeers().find((peer) => peer.name === name)?.version ?? null;
}

export async function startPeer(name: PeerName, count: number): Promise<Lanes> {
  const folder = mkdtempSync(join(tmpdir(), `fairlead-${name}-`));
  const origins = await Promise.all(Array.from({ length: count }, makeOrigin));
  const [syncPort = 0, ...ports] = await freePorts(count + 1);
  const hops = origins.map(({ port }, i) => ({ name: `lane-${i}`, listenPort: ports[i] ?? 0, originPort: port }));
  const running = start(name, folder, PROXY_CORE, commandOf(name, folder, hops, syncPort));
  const syncs = await Promise.all(origins.map(() => eventually(() => connected(syncPort, running.ended))));
  const lanes = origins.map(({ origin, changes }, i): Lane => {
    const settle = () => (syncs[i] as SyncConnection).settle();
    return { origin, changes, port: ports[i] ?? 0, settle, moveMs: MOVE_MS, limitMs: LIMIT_MS };
  });
  const close = async () => {
    for (const sync of syncs) sync.close();
    await running.stop();
    await Promise.all(origins.map(({ origin }) => origin.close()));
    rmSync(folder, { recursive: true, force: true });
  };
  return { lanes, close };
}

function connected(port: number, ended: () => string | null): Promise<SyncConnection> {
  const why = ended();
  if (why !== null) throw new Error(why);
  return SyncConnection.open(port);
}

function commandOf(name: PeerName, folder: string, hops: readonly Hop[], syncPort: number): readonly string[] {
  const file = join(folder, `${name}.conf`);
  if (name === 'nginx') {
    writeFileSync(file, nginxConfig(folder, hops, syncPort));
    return ['nginx', '-c', file];
  }
  if (name === 'haproxy') {
    writeFileSync(file, haproxyConfig(hops, syncPort));
    return ['haproxy', '-db', '-f', file];
  }
  const json = join(folder, 'envoy.json');
  writeFileSync(json, JSON.stringify(bootstrapOf(hops, syncPort, { trailers: false, delayedClose: '0.1s' })));
  return [findEnvoy() ?? 'envoy', '-c', json, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'off'];
}
