// Acts out what an upstream of HTTP/2 answers, cut in one way, towards a client of either version, and says what was
// wrong; null where nothing was. Afterwards canaries through the same proxy.

import { type Cut, pieces } from '../h1/cuts.ts';
import { Changes } from '../h1/changes.ts';
import { Client } from '../h1/client.ts';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import * as f from './frames.ts';
import { HTTP2_UPSTREAM } from './lanes.ts';
import { connectPeer, fieldOf, type Peer, type PeerOrigin, startPeerOrigin } from './peer.ts';
import type { AnswerRow, Got } from './rows/answers.ts';

export interface AnswerLane {
  readonly proxy: TestProxy;
  readonly origin: PeerOrigin;
}

const ROUTES = `- match: {prefix: /}
  route: {cluster: o1}
  response_headers_to_add: [{header: {key: x-flags, value: "%RESPONSE_FLAGS%"}}]`;
const HCM = 'delayed_close_timeout: 0.01s\nhttp_protocol_options: {enable_trailers: true}';
const LIMIT_MS = 30_000;
const MOST_PLACES = 40;

export async function startAnswerLane(): Promise<AnswerLane> {
  // What it says of its own accord could come between the pieces of a frame.
  const origin = await startPeerOrigin({ answers: false, reads: false });
  const proxy = await startProxy({
    origins: { o1: origin.port },
    routes: ROUTES,
    hcm: HCM,
    cluster: { o1: HTTP2_UPSTREAM },
  });
  return { origin, proxy };
}

export async function closeAnswerLane({ origin, proxy }: AnswerLane): Promise<void> {
  await proxy.close();
  await origin.close();
}

export function answerCuts({ says }: AnswerRow): readonly Cut[] {
  const { length } = says(1);
  if (length > 8 * 1024) return ['whole', 5, length - 5];
  const step = Math.max(1, Math.ceil(length / MOST_PLACES));
  return [
    'whole',
    ...Array.from({ length: Math.ceil(Math.max(length - 1, 0) / step) }, (_, i) => 1 + i * step),
    'each',
  ];
}

export async function runAnswer(lane: AnswerLane, row: AnswerRow, version: 1 | 2): Promise<string | null> {
  for (const cut of answerCuts(row)) {
    const wrong = await play(lane, row, version, cut);
    if (wrong !== null) return `cut ${cut}: ${wrong}`;
  }
  return null;
}

interface Asked {
  readonly peer: Peer;
  readonly id: number;
  readonly said: Promise<void>;
}

async function play(lane: AnswerLane, row: AnswerRow, version: 1 | 2, cut: Cut): Promise<string | null> {
  const { origin, proxy } = lane;
  let asked: Asked | null = null;
  origin.onRequest = (peer, id, { heads }) => {
    if (fieldOf(heads[0] ?? [], ':path') === '/canary')
      peer.send(f.headers(id, f.response(200), false), f.data(id, 'ok'));
    else {
      asked = { peer, id, said: say(peer, row, id, cut) };
    }
  };
  const ask = version === 1 ? askHttp1 : askHttp2;
  const wrong = judge(row.gets, await ask(proxy.port(), row.method ?? 'GET', '/row'));
  if (wrong !== null || asked === null) return wrong ?? 'the upstream was not asked';
  await (asked as Asked).said;
  const told = await judgeUpstream(origin, asked, row);
  if (told !== null) return told;
  const canary = judge({ kind: 'whole', status: 200, body: 'ok' }, await ask(proxy.port(), 'GET', '/canary'));
  return canary === null ? null : `the canary ${canary}`;
}

async function say(peer: Peer, row: AnswerRow, id: number, cut: Cut): Promise<void> {
  const parts = pieces(row.says(id).toString('latin1'), 0, cut).map((text) => Buffer.from(text, 'latin1'));
  await peer.sendPieces(parts);
  if (row.closes) peer.socket.end();
}

/** What the upstream was told of it; nothing: its stream came to a good end, or it ended it itself. */
async function judgeUpstream(origin: PeerOrigin, { peer, id }: Asked, row: AnswerRow) {
  const { upstream } = row;
  const heard = peer.stream(id);
  if (upstream?.kind === 'connection') {
    await origin.until(() => peer.closed, 'the end of the connection');
    return peer.goaways.at(-1)?.code === upstream.code ? null : `the upstream was told ${peer.summary()}`;
  }
  if (upstream !== null) await origin.until(() => heard.reset !== null, 'RST_STREAM');
  if (row.closes) await origin.until(() => peer.closed, 'the end of the connection');
  if (heard.reset !== (upstream?.code ?? null)) return `the upstream was told ${peer.summary()}`;
  return row.closes || !peer.closed ? null : 'the connection to the upstream was closed';
}

interface Answer {
  readonly status: number;
  readonly flags: string;
  readonly body: string;
  /** It came to an end that is one. */
  readonly whole: boolean;
  readonly fault: string;
}

async function askHttp2(port: number, method: string, path: string): Promise<Answer> {
  const peer = await connectPeer(port);
  peer.send(f.headers(1, f.request(method, path)));
  const heard = await peer.over(1);
  const flags = heard.field('x-flags', heard.statuses.length - 1) ?? '';
  peer.close();
  const fault = heard.status === 0 && heard.length > 0 ? 'a body without a head' : '';
  return { status: heard.status, flags, body: heard.text, whole: heard.ended && heard.reset === null, fault };
}

async function askHttp1(port: number, method: string, path: string): Promise<Answer> {
  const changes = new Changes();
  const client = await Client.open(port, changes, [method]);
  client.say(`${method} ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  await changes.until(() => client.answers.length > 0 || client.end !== 'open', LIMIT_MS);
  const [answer] = client.answers;
  const got = answer ?? client.open;
  client.destroy();
  const fault = [...client.faults, client.stray === '' ? '' : `stray ${client.stray}`].join('');
  const flags = got?.head.fields.get('x-flags')?.[0] ?? '';
  // Where the end of the connection is the end of the answer, none could be told from an abort.
  const whole = answer !== undefined && !answer.untilEnd;
  return { status: got?.status ?? 0, flags, body: got?.body.body ?? '', whole, fault };
}

function judge(wanted: Got, got: Answer): string | null {
  const { status, flags, body, whole, fault } = got;
  const good =
    wanted.kind === 'abort'
      ? !whole || (status === 502 && flags === 'UPE') || (status === 503 && flags !== '-')
      : whole &&
        status === wanted.status &&
        (wanted.kind === 'refusal' ? flags === wanted.flags : body === wanted.body);
  return good && fault === '' ? null : `got ${JSON.stringify(got)}`;
}
