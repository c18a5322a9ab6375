// Acts one row out, cut in one way, and says what was wrong; null where nothing was. Afterwards canaries: on
// another stream of the same connection where that may live on, and on a new one.

import { type Cut, pieces } from '../h1/cuts.ts';
import { joined } from '../h1/head-reader.ts';
import { CANARY } from '../h1/origin.ts';
import * as f from './frames.ts';
import type { Lane } from './lanes.ts';
import { connectPeer, type Heard, type Peer } from './peer.ts';
import { type Gets, type Row, STREAM } from './row.ts';

/** A stream that no row uses. */
const CANARY_STREAM = 1001;
const LIMIT_MS = 30_000;
let canaries = 0;

/** Every place of a short row; more are spread evenly. */
const MOST_PLACES = 64;

export function cutsOf({ says }: Row): readonly Cut[] {
  const most = says.length > 8 * 1024 ? 8 : MOST_PLACES;
  const step = Math.max(1, Math.ceil(says.length / most));
  const places = Array.from({ length: Math.ceil((says.length - 1) / step) }, (_, i) => 1 + i * step);
  return says.length > 8 * 1024 ? ['whole', ...places] : ['whole', ...places, 'each'];
}

export async function runRow(lane: Lane, row: Row): Promise<string | null> {
  for (const cut of cutsOf(row)) {
    const wrong = await play(lane, row, cut);
    if (wrong !== null) return `cut ${cut}: ${wrong}`;
  }
  return null;
}

async function play(lane: Lane, row: Row, cut: Cut): Promise<string | null> {
  lane.origin.forget();
  lane.origin.scripted = row.unanswered === true;
  // What it says of its own accord could come between the pieces of a frame.
  const quiet = { answers: false, reads: false };
  const peer = await connectPeer(lane.port, row.bare ? { ...quiet, role: 'bare', settings: null } : quiet);
  try {
    await peer.sendPieces(pieces(row.says.toString('latin1'), 0, cut).map((text) => Buffer.from(text, 'latin1')));
    const got = await outcome(peer, row);
    const unwanted = judge(row.gets, got) ?? (peer.closed ? null : await canary(peer, CANARY_STREAM));
    return unwanted ?? (await afterwards(lane, row));
  } finally {
    peer.close();
  }
}

/** What became of the row's stream, or of all the connection. */
async function outcome(peer: Peer, row: Row): Promise<Gets> {
  const heard = peer.stream(STREAM);
  const dies = row.gets.some(({ kind }) => kind === 'connection');
  const lives = row.gets.some(({ kind }) => kind !== 'connection' && kind !== 'closed');
  await peer.until(() => peer.closed || (lives && heard.over) || (!dies && heard.reset !== null), 'an outcome');
  if (peer.closed)
    return { kind: peer.goaways.length === 0 ? 'closed' : 'connection', code: peer.goaways.at(-1)?.code ?? -1 };
  return onStream(heard);
}

function onStream(heard: Heard): Gets {
  if (heard.reset !== null && heard.status === 0) return { kind: 'stream', code: heard.reset };
  return heard.field('x-seen', heard.heads.length - 1) === null
    ? { kind: 'refusal', status: heard.status }
    : { kind: 'echo' };
}

function judge(allowed: readonly Gets[], got: Gets): string | null {
  const text = JSON.stringify(got.kind === 'closed' ? { kind: got.kind } : got);
  return allowed.some((one) => JSON.stringify(one) === text) ? null : `got ${text}`;
}

async function canary(peer: Peer, id: number): Promise<string | null> {
  peer.send(f.headers(id, f.request('GET', `${CANARY}${++canaries}`)));
  const heard = await peer.over(id);
  return heard.ended && heard.status === 200 ? null : `the canary failed: ${peer.summary()}`;
}

/** A client that comes later is served, and the origin saw what it may have seen. */
async function afterwards(lane: Lane, row: Row): Promise<string | null> {
  const later = await connectPeer(lane.port);
  try {
    const wrong = await canary(later, 1);
    if (wrong !== null) return `on a new connection ${wrong}`;
  } finally {
    later.close();
  }
  if (!(await lane.changes.until(() => !lane.origin.hanging, LIMIT_MS))) return 'the origin still waits for the rest';
  return judgeOrigin(lane, row);
}

function judgeOrigin({ origin }: Lane, { sees, mayMiss }: Row): string | null {
  if (origin.faults.length > 0) return `to the origin: ${origin.faults.join(', ')}`;
  const wholes = origin.requests.filter(({ canary, body }) => !canary && body.done);
  const [seen] = wholes;
  if (seen === undefined) return sees === null || mayMiss ? null : 'the origin saw nothing';
  if (sees === null || wholes.length > 1) return `the origin saw ${JSON.stringify(wholes.map(({ text }) => text))}`;
  const { head, body } = seen;
  if (head.line !== sees.line) return `the origin saw ${head.line}`;
  if (body.body !== (sees.body ?? '')) return `the origin saw the body ${JSON.stringify(body.body)}`;
  for (const name of sees.lacks ?? []) if (head.fields.has(name)) return `the origin saw ${name}`;
  for (const [name, value] of Object.entries(sees.fields ?? {}))
    if (joined(head.fields, name) !== value) return `the origin saw ${name}: ${joined(head.fields, name)}`;
  return null;
}
