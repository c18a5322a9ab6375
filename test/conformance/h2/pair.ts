// A client of one version, our sidecar, and an origin of one version: what each says and sees as plain data, the
// same for all four pairs.

import type { TestContext } from 'node:test';
import { startProxy, type TestProxy } from '../../mesh/proxy.ts';
import { Changes } from '../h1/changes.ts';
import { Client } from '../h1/client.ts';
import type { ReadHead } from '../h1/head-reader.ts';
import { makeOrigin } from '../h1/ours.ts';
import * as f from './frames.ts';
import { connectPeer, type Heard, type Peer, startPeerOrigin } from './peer.ts';
import { BodySender } from './story.ts';

export type Version = 1 | 2;

export interface Said {
  readonly fields?: f.Fields;
  /** So many bytes of `a`. */
  readonly length?: number;
  /** With Content-Length. */
  readonly counted?: boolean;
  readonly trailers?: f.Fields;
}

export interface Asked extends Said {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
}

export interface Answer extends Said {
  readonly status?: number;
}

export interface Seen {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly length: number;
  readonly trailers: ReadonlyMap<string, readonly string[]>;
  /** It came to an end that is one. */
  readonly whole: boolean;
}

export interface SeenRequest extends Seen {
  readonly method: string;
  readonly path: string;
  readonly host: string;
}

export interface SeenAnswer extends Seen {
  readonly status: number;
  readonly interim: readonly number[];
}

export interface Pair {
  readonly proxy: TestProxy;
  /** Sends the request, and gives what came back when that was over. */
  ask(asked: Asked, answer: Answer): Promise<SeenAnswer>;
  /** Of the last one. */
  seen(): SeenRequest;
}

const TRAILERS = 'http_protocol_options: {enable_trailers: true}';
const OPTIONS = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HCM = `normalize_path: true\nmerge_slashes: true\ndelayed_close_timeout: 0.01s\nproxy_100_continue: true\n${TRAILERS}`;
const LIMIT_MS = 30_000;

export function clusterOf(version: Version): string {
  const protocol = version === 1 ? TRAILERS : 'http2_protocol_options: {}';
  return `connect_timeout: 1s
typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": ${OPTIONS}, explicit_http_config: {${protocol}}}}`;
}

/** Either origin. */
interface Behind {
  readonly port: number;
  answer(answer: Answer): void;
  seen(): SeenRequest;
  close(): Promise<void>;
}

export async function startPair(t: TestContext, client: Version, origin: Version): Promise<Pair> {
  const behind = await (origin === 1 ? originHttp1() : originHttp2());
  const proxy = await startProxy({ origins: { o1: behind.port }, hcm: HCM, cluster: { o1: clusterOf(origin) } });
  t.after(async () => {
    await proxy.close();
    await behind.close();
  });
  const ask = client === 1 ? askHttp1 : askHttp2;
  return {
    proxy,
    ask: (asked, answer) => {
      behind.answer(answer);
      return ask(proxy.port(), asked);
    },
    seen: () => behind.seen(),
  };
}

// HTTP/1.1.

function textOf(
  line: string,
  { fields = [], length = 0, counted = false, trailers = [] }: Said,
  bodiless: boolean,
): string {
  const body = 'a'.repeat(length);
  const framing = counted ? [`content-length: ${length}`] : bodiless ? [] : ['transfer-encoding: chunked'];
  const head = [line, ...fields.map(([name, value]) => `${name}: ${value}`), ...framing, '', ''].join('\r\n');
  if (bodiless) return head;
  if (counted) return head + body;
  const last = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${head}${length === 0 ? '' : `${length.toString(16)}\r\n${body}\r\n`}0\r\n${last}\r\n`;
}

async function originHttp1(): Promise<Behind> {
  const { origin, port } = await makeOrigin();
  return {
    port,
    answer: (answer) => {
      origin.forget();
      origin.scripted = true;
      const { status = 200, length = 0, counted = false } = answer;
      const bodiless = status === 204 || status === 304 || (length === 0 && counted);
      origin.say(textOf(`HTTP/1.1 ${status} X`, { ...answer, counted: counted && status !== 204 }, bodiless));
    },
    seen: () => {
      const { asked, faults } = origin;
      if (asked === undefined || faults.length > 0)
        throw new Error(`the origin saw nothing good: ${faults.join(', ')}`);
      const { head, body } = asked;
      const [method = '', path = ''] = head.line.split(' ');
      const host = head.fields.get('host')?.[0] ?? '';
      return {
        method,
        path,
        host,
        fields: head.fields,
        length: lengthOf(body.body),
        trailers: body.trailers,
        whole: body.done,
      };
    },
    close: () => origin.close(),
  };
}

function lengthOf(body: string): number {
  return body === 'a'.repeat(body.length) ? body.length : -1;
}

async function askHttp1(port: number, asked: Asked): Promise<SeenAnswer> {
  const { method = 'GET', path = '/d', host = 'a', length } = asked;
  const changes = new Changes();
  const client = await Client.open(port, changes, [method]);
  const fields: f.Fields = [['host', host], ...(asked.fields ?? [])];
  client.say(textOf(`${method} ${path} HTTP/1.1`, { ...asked, fields }, length === undefined));
  await changes.until(() => client.answers.length > 0 || client.end !== 'open', LIMIT_MS);
  const got = client.answers[0] ?? client.open;
  client.destroy();
  if (client.faults.length > 0 || client.stray !== '')
    throw new Error(`${client.faults.join(', ')} stray ${client.stray}`);
  if (got === null) throw new Error('there was no answer');
  const { status, interim, head, body } = got;
  return { status, interim, ...seenText(head, body.body, body.trailers), whole: client.answers.length > 0 };
}

function seenText({ fields }: ReadHead, body: string, trailers: Seen['trailers']) {
  return { fields, length: lengthOf(body), trailers };
}

// HTTP/2.

/** The rest of a message whose head is `pseudo` and its fields. */
function sayTo(peer: Peer, id: number, pseudo: f.Fields, said: Said, bodiless: boolean): void {
  const { fields = [], length = 0, counted = false, trailers = [] } = said;
  const all: f.Fields = [...pseudo, ...fields, ...(counted ? [['content-length', String(length)] as const] : [])];
  const last = trailers.length === 0 ? null : () => peer.send(f.headers(id, trailers));
  const end = bodiless || (length === 0 && last === null);
  peer.send(f.headers(id, all, end));
  if (end) return;
  if (length === 0) last?.();
  else void new BodySender(peer, id, length, last);
}

async function originHttp2(): Promise<Behind> {
  const origin = await startPeerOrigin();
  let answer: Answer = {};
  let last: Heard | null = null;
  origin.onRequest = (peer, id, heard, end) => {
    last = heard;
    const say = () => {
      const { status = 200 } = answer;
      sayTo(
        peer,
        id,
        f.response(status),
        answer,
        heard.field(':method') === 'HEAD' || status === 204 || status === 304,
      );
    };
    if (end) say();
    else whenEnded(peer, heard, say);
  };
  return {
    port: origin.port,
    answer: (next) => {
      answer = next;
      last = null;
    },
    seen: () => {
      if (last === null) throw new Error('the origin saw nothing');
      const pseudo = (name: string) => (last as Heard).field(name) ?? '';
      return { method: pseudo(':method'), path: pseudo(':path'), host: pseudo(':authority'), ...seenStream(last, 0) };
    },
    close: () => origin.close(),
  };
}

function whenEnded(peer: Peer, heard: Heard, say: () => void): void {
  const before = peer.onFrame;
  peer.onFrame = (type, id) => {
    before?.(type, id);
    if (!heard.ended) return;
    peer.onFrame = before;
    say();
  };
}

async function askHttp2(port: number, asked: Asked): Promise<SeenAnswer> {
  const { method = 'GET', path = '/d', host = 'a' } = asked;
  const peer = await connectPeer(port);
  await peer.until(() => peer.settings.size > 0, 'SETTINGS');
  const pseudo: f.Fields = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', host],
    [':path', path],
  ];
  sayTo(peer, 1, pseudo, asked, asked.length === undefined);
  const heard = await peer.over(1);
  peer.close();
  const { status, statuses } = heard;
  if (status === 0) throw new Error(`there was no answer: ${peer.summary()}`);
  return { status, interim: statuses.slice(0, -1), ...seenStream(heard, statuses.length - 1) };
}

function seenStream(heard: Heard, head: number): Seen {
  const [first = 0x61] = heard.body;
  const isSame = first === 0x61 && heard.body.every((byte) => byte === first);
  return {
    fields: mapOf(heard.heads[head] ?? []),
    length: isSame ? heard.length : -1,
    trailers: mapOf(heard.trailers ?? []),
    whole: heard.ended && (heard.reset === null || heard.reset === f.ERROR.NONE),
  };
}

function mapOf(list: readonly string[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string;
    map.set(name, [...(map.get(name) ?? []), list[i + 1] as string]);
  }
  return map;
}
