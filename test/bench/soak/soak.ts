// `bench -- soak`: a pair of sidecars with mutual TLS under mixed load, and beside it the tea shop, whose mesh
// changes all the time: memory and handles have to stay flat, and no request may fail that should not.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Load } from '../../../examples/tea-shop/load.ts';
import { Shop } from '../../../examples/tea-shop/shop.ts';
import { makeCertificates } from '../certificates.ts';
import type { SoakOptions } from '../options.ts';
import { allPeers, buildOurs, type Peer } from '../peers/peers.ts';
import { drawPlot } from '../plot/plot.ts';
import { writeResult } from '../result-file.ts';
import { type Contestant, enter } from '../scenarios.ts';
import { Stack } from '../stack.ts';
import { Changes } from './changes.ts';
import { SoakOrigin } from './origin.ts';
import { Traffic } from './traffic.ts';
import { type Verdict, Watched } from './watched.ts';

/** MB that the fitted line may rise after the first quarter. */
const MOST_GROWTH_MB = 8;
/** Pools keep what a burst needed. A handle lost with every abort, fault or cut would be thousands. */
const MOST_MORE_HANDLES = 100;
const LEAF_TTL = '60s';
const SHOP_PER_SECOND = 20;
/** What runs 20 times a second is compiled over a quarter of an hour, and memory grows with it: all of it at once. */
const WARMUP_PER_SECOND = 300;
const WARMUP_MS = 60_000;
/** One copy of reviews fails on it, and so many calls are more than retries may hide. */
const FAULTY = '/api/teas/matcha';
const SAMPLE_MS = 2000;
const SHOP_PATHS = ['sencha', 'matcha', 'assam', 'oolong'].map((name) => `/api/teas/${name}`);
/** Of the shop, those that are never stopped. */
const WATCHED_MEMBERS = ['shop', 'web-a', 'catalog-v1-a'];

export async function soak(options: SoakOptions): Promise<void> {
  const ours = allPeers().find(({ name }) => name === 'fairlead') as Peer;
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-soak-'));
  const stop = new Stack();
  const origin = new SoakOrigin();
  try {
    const originPort = await origin.listen();
    const certificates = await makeCertificates(folder);
    const pair = await enter('pair', ours, folder, originPort, certificates, {
      timeout: '0s',
      // A machine that stands still for a second is no fault of a proxy's.
      connectTimeout: '5s',
    });
    stop.push(...pair.processes);
    const shop = await Shop.open({ dir: join(folder, 'shop'), port: 0, showLogs: false, leafTtl: LEAF_TTL });
    stop.push({ stop: () => shop.close() });
    await play(options, pair, shop);
  } catch (error) {
    process.exitCode = 1;
    throw error;
  } finally {
    await stop.all();
    origin.close();
    if (process.exitCode === 1) process.stdout.write(`logs are kept in ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

async function play(options: SoakOptions, pair: Contestant, shop: Shop): Promise<void> {
  const watched = [
    ...pair.processes.map(({ name, pid }) => new Watched(name, pid)),
    ...WATCHED_MEMBERS.map((name) => new Watched(`${name} sidecar`, shop.member(name).sidecar.pid)),
    new Watched('discovery', shop.discovery.pid),
  ];
  await warmUp(shop);
  const traffic = new Traffic(pair.port);
  const customers = new Load(shop.gatewayPort, SHOP_PATHS, SHOP_PER_SECOND);
  const changes = new Changes(shop);
  await watch(watched, options.minutes * 60, traffic);
  await changes.stop();
  const [mixed, mesh] = [await traffic.stop(), await customers.stop()];
  const { edits, leaves } = changes;
  const verdicts = watched.map((one) => one.verdict());
  writeFile(options.svg, plotOf(watched));
  const broken = judge(verdicts, mixed.failed + mesh.failures.length, [...mixed.failures, ...mesh.failures]);
  process.stdout.write(
    `${JSON.stringify(mixed.done)}\nshop: ${mesh.sent} requests, ${edits} edits, ${leaves} leaves\n`,
  );
  if (broken) process.exitCode = 1;
  const { minutes } = options;
  const bounds = { growthMb: MOST_GROWTH_MB, moreHandles: MOST_MORE_HANDLES };
  writeResult(options.json, {
    minutes,
    leafTtl: LEAF_TTL,
    bounds,
    mixed,
    mesh,
    edits,
    leaves,
    verdicts,
    samples: watched,
  });
}

async function warmUp(shop: Shop): Promise<void> {
  const paths = SHOP_PATHS.filter((path) => path !== FAULTY);
  const load = new Load(shop.gatewayPort, paths, WARMUP_PER_SECOND);
  await pause(WARMUP_MS);
  const { failures } = await load.stop();
  if (failures.length > 0) throw new Error(`the warm-up failed: ${failures.slice(0, 3).join('; ')}`);
}

async function watch(watched: readonly Watched[], seconds: number, traffic: Traffic): Promise<void> {
  const started = performance.now();
  let told = 0;
  for (let at = 0; at < seconds; at = (performance.now() - started) / 1000) {
    for (const one of watched) one.look(at);
    if (at >= told) {
      const memory = watched.map(({ name, samples }) => `${name} ${samples.at(-1)?.mb.toFixed(0)}`).join(', ');
      process.stdout.write(`${(at / 60).toFixed(0)} min: ${memory} MB; ${traffic.failed} failed\n`);
      told += 60;
    }
    await pause(SAMPLE_MS);
  }
}

function judge(verdicts: readonly Verdict[], errors: number, texts: readonly string[]): boolean {
  for (const { name, mb, mbPerHour, growthMb, handles, moreHandles } of verdicts) {
    const flat = growthMb <= MOST_GROWTH_MB && moreHandles <= MOST_MORE_HANDLES;
    process.stdout.write(
      `${flat ? 'flat  ' : 'BROKEN'} ${name.padEnd(22)} ${mb.toFixed(0)} MB, ${mbPerHour.toFixed(1)} MB/h (${growthMb.toFixed(1)} MB); ${handles} handles, ${moreHandles.toFixed(1)} more\n`,
    );
  }
  for (const text of texts) process.stdout.write(`FAILED ${text}\n`);
  const grew = verdicts.some(
    ({ growthMb, moreHandles }) => growthMb > MOST_GROWTH_MB || moreHandles > MOST_MORE_HANDLES,
  );
  return grew || errors > 0;
}

function plotOf(watched: readonly Watched[]): string {
  const lines = watched.map(({ name, samples }) => ({
    name: name.replace('fairlead-', ''),
    points: samples.map(({ seconds, mb }) => [seconds / 60, mb] as const),
  }));
  return drawPlot({
    title: 'Memory under mixed load, while the mesh changes',
    x: { label: 'minutes', scale: 'linear' },
    y: { label: 'MB resident', scale: 'linear' },
    lines,
  });
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
