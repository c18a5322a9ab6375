// `bench -- bodies`: a body far larger than any memory of ours, each way, against a peer that reads slowly.
// A proxy that does not hold the sender back grows by the body; ours may grow by a few buffers.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeCertificates } from '../certificates.ts';
import { peakOf } from '../memory.ts';
import type { BodiesOptions } from '../options.ts';
import { allPeers, buildOurs } from '../peers/peers.ts';
import type { Running } from '../processes.ts';
import { writeResult } from '../result-file.ts';
import { enter } from '../scenarios.ts';
import { Stack } from '../stack.ts';
import { type Body, drink, pour } from './stream.ts';

const MIB = 1024 * 1024;
const WARMUP_MIB = 64;
const WARMUPS = 6;
/** For the garbage of the warm-up to be seen for what it is. */
const REST_MS = 2000;
/** MB over the memory after the warm-up. */
const MOST_GROWTH_MB = 8;

type Way = 'download' | 'upload';
const WAYS: readonly Way[] = ['download', 'upload'];

interface Transfer {
  readonly mib: number;
  /** 0: nobody is slow. */
  readonly slowSeconds: number;
  readonly bytesPerSecond: number;
  readonly onFree: () => void;
}

interface Row {
  readonly way: Way;
  readonly beforeMb: number;
  /** MB over `beforeMb` at most: while the reader was slow, and while it read freely. */
  readonly growthSlowMb: number;
  readonly growthFreeMb: number;
  readonly seconds: number;
  readonly sha256: string;
}

export async function bodies(options: BodiesOptions): Promise<void> {
  const ours = allPeers().find(({ name }) => name === 'fairlead');
  if (ours === undefined) throw new Error('there is no peer "fairlead"');
  buildOurs();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bodies-'));
  const stop = new Stack();
  const origin = new BodyOrigin();
  try {
    const originPort = await origin.listen();
    const certificates = await makeCertificates(folder);
    const { port, processes } = await enter('plain', ours, folder, originPort, certificates, { timeout: '0s' });
    stop.push(...processes);
    const rows = await measure(port, processes[0] as Running, origin, options);
    report(options, rows);
  } finally {
    await stop.all();
    origin.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(port: number, sidecar: Running, origin: BodyOrigin, options: BodiesOptions): Promise<Row[]> {
  const fast = { mib: WARMUP_MIB, slowSeconds: 0, bytesPerSecond: 0, onFree: () => {} };
  for (let i = 0; i < WARMUPS; i++) for (const way of WAYS) await transfer(way, port, origin, fast);
  const rows: Row[] = [];
  for (const way of WAYS) {
    await pause(REST_MS);
    rows.push(await measureWay(way, port, sidecar, origin, options));
  }
  return rows;
}

async function measureWay(
  way: Way,
  port: number,
  sidecar: Running,
  origin: BodyOrigin,
  { mib, slowSeconds, bytesPerSecond }: BodiesOptions,
): Promise<Row> {
  const beforeMb = sidecar.residentMb();
  const started = performance.now();
  const peak = peakOf(sidecar);
  let slowPeak = beforeMb;
  const onFree = () => {
    slowPeak = peak.restart();
  };
  const { digest } = await transfer(way, port, origin, { mib, slowSeconds, bytesPerSecond, onFree });
  const freePeak = peak.stop();
  const row = {
    way,
    beforeMb,
    growthSlowMb: slowPeak - beforeMb,
    growthFreeMb: freePeak - beforeMb,
    seconds: (performance.now() - started) / 1000,
    sha256: digest,
  };
  process.stdout.write(`${way.padEnd(9)} ${describe(row)}\n`);
  return row;
}

function describe({ beforeMb, growthSlowMb, growthFreeMb, seconds }: Row): string {
  const mb = (value: number) => `${value.toFixed(1)} MB`;
  return `${mb(beforeMb)} before; +${mb(growthSlowMb)} while read slowly, +${mb(growthFreeMb)} while read freely; ${seconds.toFixed(1)} s, every byte right`;
}

/** One body from end to end. Throws where one byte differs. */
async function transfer(way: Way, port: number, origin: BodyOrigin, what: Transfer): Promise<Body> {
  const [sent, got] = await (way === 'download' ? download(port, origin, what) : upload(port, origin, what));
  if (sent.bytes !== got.bytes || sent.digest !== got.digest)
    throw new Error(`${way}: ${sent.bytes} bytes ${sent.digest} were sent, ${got.bytes} bytes ${got.digest} came`);
  return got;
}

function paceOf({ slowSeconds, bytesPerSecond, onFree }: Transfer) {
  return slowSeconds === 0 ? null : { bytesPerSecond, seconds: slowSeconds, onFree };
}

async function download(port: number, origin: BodyOrigin, what: Transfer): Promise<[Body, Body]> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const path = `/download/${what.mib * MIB}`;
    request({ host: '127.0.0.1', port, path, agent: false }, resolve).on('error', reject).end();
  });
  const got = await drink(answer, paceOf(what));
  return [await origin.sent, got];
}

async function upload(port: number, origin: BodyOrigin, what: Transfer): Promise<[Body, Body]> {
  origin.readAt(paceOf(what));
  const headers = { 'content-length': what.mib * MIB };
  const asked = request({ host: '127.0.0.1', port, path: '/upload', method: 'PUT', agent: false, headers });
  const answer = new Promise<IncomingMessage>((resolve, reject) => asked.on('response', resolve).on('error', reject));
  const [sent, response] = await Promise.all([pour(asked, what.mib * MIB), answer]);
  const got: Body = JSON.parse(Buffer.concat(await response.toArray()).toString());
  return [sent, got];
}

/** Pours out what is asked for, and reads what it is sent at the pace it was told. */
class BodyOrigin {
  /** The last download. */
  sent: Promise<Body> = Promise.reject(new Error('nothing was asked for'));
  #pace: ReturnType<typeof paceOf> = null;
  readonly #server: Server;

  constructor() {
    this.sent.catch(() => {});
    this.#server = createServer((asked, response) => {
      const [, verb, size] = (asked.url ?? '').split('/');
      if (verb === 'download') this.#pour(Number(size), response);
      else if (verb === 'upload') void drink(asked, this.#pace).then((body) => response.end(JSON.stringify(body)));
      else response.end('here');
    });
    this.#server.requestTimeout = 0;
  }

  #pour(size: number, response: Parameters<typeof pour>[0] & { setHeader(name: string, value: number): unknown }) {
    response.setHeader('content-length', size);
    this.sent = pour(response, size);
    this.sent.catch(() => {});
  }

  readAt(pace: ReturnType<typeof paceOf>): void {
    this.#pace = pace;
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function report(options: BodiesOptions, rows: readonly Row[]): void {
  const { mib, slowSeconds, bytesPerSecond } = options;
  const broken = rows.filter(({ growthSlowMb, growthFreeMb }) => Math.max(growthSlowMb, growthFreeMb) > MOST_GROWTH_MB);
  for (const { way } of broken) process.stdout.write(`BROKEN: ${way} grew by more than ${MOST_GROWTH_MB} MB\n`);
  if (broken.length > 0) process.exitCode = 1;
  writeResult(options.json, { mib, slowSeconds, bytesPerSecond, boundMb: MOST_GROWTH_MB, rows });
}
