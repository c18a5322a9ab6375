// `bench -- growth`: CPU per request as connections, bodies, routes, clusters and endpoints grow, peers taking
// turns; tables, JSON and a plot for each.

import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from '../certificates.ts';
import type { GrowthOptions } from '../options.ts';
import { startOrigins } from '../peers/many-origins.ts';
import { BODY_PREFIX } from '../peers/nginx-config.ts';
import { startOrigin } from '../peers/origin.ts';
import { http1Peers, buildOurs, type Peer } from '../peers/peers.ts';
import { median } from '../result.ts';
import { writeResult } from '../result-file.ts';
import { type Contestant, enter } from '../scenarios.ts';
import { Stack } from '../stack.ts';
import { load } from '../wrk.ts';
import { type Cell, plotSeries, tableOf } from './report.ts';
import { GIB, type Question, SERIES, type Series, type SeriesName } from './series.ts';

const WARMUP_SECONDS = 2;

interface Place {
  readonly folder: string;
  readonly originPort: number;
  readonly certificates: Certificates;
}

export async function growth(options: GrowthOptions): Promise<void> {
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-growth-'));
  const stop = new Stack();
  try {
    const originPort = await startOrigin(folder, stop);
    const place = { folder, originPort, certificates: await makeCertificates(folder) };
    const cells: Cell[] = [];
    for (const name of Object.keys(SERIES) as SeriesName[]) {
      if (!wanted(options, Object.keys(SERIES), name)) continue;
      cells.push(...(await playSeries(name, options, place, stop)));
      report(name, cells, options);
    }
    const { rounds, seconds } = options;
    writeResult(options.json, { rounds, seconds, cells });
  } finally {
    await stop.all();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a kind that is not named all are wanted. */
function wanted({ only }: GrowthOptions, kind: readonly string[], name: string): boolean {
  return only.includes(name) || !only.some((word) => kind.includes(word));
}

async function playSeries(name: SeriesName, options: GrowthOptions, place: Place, stop: Stack): Promise<Cell[]> {
  const series = SERIES[name];
  process.stdout.write(`\n${series.title}\n`);
  const peers = http1Peers().filter(
    (peer) => series.peers.includes(peer.name) && wanted(options, series.peers, peer.name),
  );
  for (const { name: missing } of peers.filter(({ version }) => version === null))
    process.stdout.write(`${missing} MISSING\n`);
  const cells: Cell[] = [];
  for (const size of sizesOf(name, series, options)) {
    if (name === 'bodies') makeBody(place.folder, size);
    const here = peers.filter(({ version }) => version !== null);
    cells.push(...(await playSize(name, size, here, options, place, stop)));
  }
  return cells;
}

function sizesOf(name: SeriesName, { sizes }: Series, { gib }: GrowthOptions): readonly number[] {
  return name === 'bodies' && gib ? [...sizes, GIB] : sizes;
}

/** Zeros that take no room on the disk. */
function makeBody(folder: string, bytes: number): void {
  const file = openSync(join(folder, `${BODY_PREFIX}${bytes}`), 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
}

async function playSize(
  name: SeriesName,
  size: number,
  peers: readonly Peer[],
  options: GrowthOptions,
  place: Place,
  stop: Stack,
): Promise<Cell[]> {
  const grow = SERIES[name].grow(size);
  const origins = await startOrigins(place.folder, grow.endpoints);
  stop.push(...origins.processes);
  const grown = { ...grow, endpoints: origins.endpoints };
  const contestants: Contestant[] = [];
  for (const peer of peers) {
    const more = { grown, timeout: '0s' };
    const one = await enter('plain', peer, place.folder, place.originPort, place.certificates, more);
    stop.push(...one.processes);
    contestants.push(one);
  }
  const cells = await playRounds(name, size, contestants, options);
  await Promise.all(
    [...contestants.flatMap(({ processes }) => processes), ...origins.processes].map((one) => one.stop()),
  );
  return cells;
}

async function playRounds(
  series: SeriesName,
  size: number,
  contestants: readonly Contestant[],
  { rounds, seconds }: GrowthOptions,
): Promise<Cell[]> {
  const question = SERIES[series].ask(size);
  for (const { port } of contestants)
    await load(port, question.path, WARMUP_SECONDS * question.patience, question.connections);
  const found = contestants.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, one] of contestants.entries()) found[i]?.push(await measure(one, question, seconds));
  return contestants.map(({ peer, processes }, i) => {
    const own = found[i] ?? [];
    const cell: Cell = {
      series,
      size,
      peer: peer.name,
      cpuMicros: median(own.map(({ cpuMicros }) => cpuMicros)),
      p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
      mb: processes.reduce((sum, one) => sum + one.residentMb(), 0),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    };
    process.stdout.write(
      `${size.toLocaleString('en').padStart(11)} ${cell.peer.padEnd(9)} ${cell.cpuMicros.toFixed(1)} us, p99 ${cell.p99Ms.toFixed(1)} ms, ${cell.mb.toFixed(0)} MB, ${cell.errors} errors\n`,
    );
    return cell;
  });
}

interface Measured {
  readonly cpuMicros: number;
  readonly p99Ms: number;
  readonly errors: number;
}

async function measure(
  { port, processes }: Contestant,
  { path, connections, bytes, patience }: Question,
  seconds: number,
): Promise<Measured> {
  const cpu = () => processes.reduce((sum, one) => sum + one.cpuMicros(), 0);
  const before = cpu();
  const seen = await load(port, path, seconds * patience, connections);
  const requests = bytes === null ? seen.requests : seen.bytes / bytes;
  return { cpuMicros: (cpu() - before) / requests, p99Ms: seen.p99Ms, errors: seen.errors };
}

function report(name: SeriesName, cells: readonly Cell[], { plots }: GrowthOptions): void {
  const own = cells.filter(({ series }) => series === name);
  mkdirSync(plots, { recursive: true });
  writeFileSync(join(plots, `growth-${name}.svg`), plotSeries(name, own));
  process.stdout.write(`\n${tableOf(name, own)}`);
}
