// What the two tables of HTTP/1.1 rows share: a row is bytes and the only safe thing to do with them, and
// holds whole and cut at every place.

import assert from 'node:assert/strict';
import { openClient, splits } from '../mesh/client.ts';
import { answer, type Origin, type SeenRequest } from '../mesh/origin.ts';
import type { TestProxy } from '../mesh/proxy.ts';

export interface Bench {
  readonly origin: Origin;
  readonly proxy: TestProxy;
}

/** Longer texts are cut at so many places, spread evenly. */
const MOST_CUTS = 120;

export function cuts(text: string): string[][] {
  if (text.length <= MOST_CUTS) return splits(text);
  const step = Math.ceil(text.length / MOST_CUTS);
  const two: string[][] = [];
  for (let at = 1; at < text.length; at += step) two.push([text.slice(0, at), text.slice(at)]);
  return [[text], ...two];
}

/** A whole answer: a head, and as much body as it announces. */
export function wholeAnswer(received: string): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = received.slice(0, end);
  if (/^transfer-encoding: chunked$/im.test(head)) return received.endsWith('0\r\n\r\n');
  return received.length - end - 4 >= Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
}

/** Sends the pieces on a connection of their own and reads until the answer is whole or the connection over. */
export async function ask(bench: Bench, pieces: readonly string[], good = wholeAnswer): Promise<string> {
  const client = await openClient(bench.proxy.port());
  try {
    await client.send(...pieces);
    return await client.until(good);
  } finally {
    client.close();
  }
}

/** Refused: a 4xx or 5xx that ends the connection, and no whole request at the origin. */
export async function refused(bench: Bench, text: string): Promise<void> {
  bench.origin.script = () => answer('ok');
  const before = bench.origin.seen.length;
  for (const pieces of cuts(text)) {
    const received = await ask(bench, pieces);
    const cut = JSON.stringify(pieces.map((piece) => piece.slice(-40)));
    assert.match(received, /^HTTP\/1\.1 [45]\d\d /, cut);
    assert.match(received, /^connection: close\r$/im, cut);
    assert.equal(received.indexOf('HTTP/1.1', 1), -1, `a second answer: ${cut}`);
  }
  assert.deepEqual(bench.origin.seen.slice(before), []);
}

/** Forwarded, once per cut, and each time the same: what the origin saw. */
export async function forwarded(bench: Bench, text: string, check: (seen: SeenRequest) => void): Promise<void> {
  bench.origin.script = () => answer('ok');
  for (const pieces of cuts(text)) {
    const before = bench.origin.seen.length;
    const received = await ask(bench, pieces);
    const cut = JSON.stringify(pieces);
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n/, cut);
    const seen = bench.origin.seen.slice(before);
    assert.ok(seen.length >= 1, cut);
    check(seen[0] as SeenRequest);
  }
}
