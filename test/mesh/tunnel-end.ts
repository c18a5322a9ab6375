// The ends of a WebSocket's tunnel that a test holds in its hand, over HTTP/1.1 or HTTP/2: what stands before the
// tunnel is told as a head, what comes through it is heard as bytes.

import { once } from 'node:events';
import http2, { type ClientHttp2Session, constants, type Http2Stream, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Changes } from '../conformance/h1/changes.ts';

/** Of a cluster that is spoken to over HTTP/2. */
export const H2_UPSTREAM = `connect_timeout: 1s
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}`;
/** Of a connection manager. */
export const UPGRADES = 'upgrade_configs: [{upgrade_type: websocket}]';

export type Version = 'h1' | 'h2';

/** Waiting ends after so long: a limit against a hanging test, not a measurement. */
const LIMIT_MS = 10_000;
const NOTHING = Buffer.alloc(0);
/** RFC 6455 1.3. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

/** One end. Bytes before `tunnel` is set are those of an answer's body. */
export class End {
  status = 0;
  fields: Readonly<Record<string, unknown>> = {};
  ended = false;
  /** Cut off: a TCP reset, or RST_STREAM. */
  broken = false;
  closed = false;
  readonly stream: Socket | Http2Stream;
  readonly changes = new Changes();
  #pieces: Buffer[] = [];

  constructor(stream: Socket | Http2Stream) {
    this.stream = stream;
    stream.on('end', () => this.#set(() => (this.ended = true)));
    stream.on('error', () => this.#set(() => (this.broken = true)));
    stream.on('aborted', () => this.#set(() => (this.broken = true)));
    stream.on('close', () => this.#set(() => this.#close()));
  }

  #close(): void {
    this.closed = true;
    // Of a stream that has ended both ways Node tells a reset by its code alone.
    if ('rstCode' in this.stream && this.stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.broken = true;
  }

  #set(change: () => void): void {
    change();
    this.changes.touch();
  }

  hear(bytes: Buffer): void {
    this.#set(() => this.#pieces.push(Buffer.from(bytes)));
  }

  listen(): this {
    this.stream.on('data', (bytes: Buffer) => this.hear(bytes));
    return this;
  }

  get heard(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  async until(good: () => boolean, what: string): Promise<void> {
    if (await this.changes.until(good, LIMIT_MS)) return;
    const { status, heard, ended, broken, closed } = this;
    throw new Error(`not seen: ${what}; ${JSON.stringify({ status, heard, ended, broken, closed })}`);
  }

  async hears(text: string): Promise<void> {
    await this.until(() => this.heard.length >= text.length || this.closed, `"${text}"`);
    if (this.heard !== text) throw new Error(`heard ${JSON.stringify(this.heard)}, not ${JSON.stringify(text)}`);
  }

  async endsAfter(text: string): Promise<void> {
    await this.until(() => this.ended || this.broken, 'the end');
    await this.hears(text);
    if (this.broken) throw new Error('broken off, and not ended');
  }

  async isCut(): Promise<void> {
    await this.until(() => this.broken, 'a reset');
  }

  async answered(): Promise<number> {
    await this.until(() => this.status !== 0 || this.closed, 'an answer');
    return this.status;
  }

  say(text: string): this {
    this.stream.write(Buffer.from(text, 'latin1'));
    return this;
  }

  end(): this {
    this.stream.end();
    return this;
  }

  abort(): void {
    if ('resetAndDestroy' in this.stream) this.stream.resetAndDestroy();
    // `close` would send an end before the reset.
    else this.stream.destroy(new Error('cut off'));
  }
}

/** Reads heads off a socket: each a status or request line with its fields, up to the one that `last` takes. */
function readHead(socket: Socket, end: End, last: (line: string, fields: Record<string, string>) => boolean): void {
  let text = '';
  const read = (bytes: Buffer) => {
    text += bytes.toString('latin1');
    const stop = text.indexOf('\r\n\r\n');
    if (stop === -1) return;
    const [line = '', ...lines] = text.slice(0, stop).split('\r\n');
    const rest = Buffer.from(text.slice(stop + 4), 'latin1');
    const fields = Object.fromEntries(
      lines.map((one) => [one.slice(0, one.indexOf(':')), one.replace(/^[^:]*: */, '')]),
    );
    socket.off('data', read);
    end.listen();
    if (last(line, fields) && rest.length > 0) end.hear(rest);
    end.changes.touch();
  };
  socket.on('data', read);
}

export interface AskOptions {
  readonly fields?: Readonly<Record<string, string>>;
  readonly path?: string;
  /** Sent at once behind the request. */
  readonly early?: string;
}

const VERSION = { 'sec-websocket-version': '13' };

/** Asks for a WebSocket; over HTTP/2 it waits until the server has said that it takes one. */
export async function askWebSocket(version: Version, port: number, options: AskOptions = {}): Promise<End> {
  return version === 'h1' ? askOverHttp1(port, options) : askOverHttp2(await openSession(port), options);
}

async function askOverHttp1(port: number, { fields = {}, path = '/ws', early = '' }: AskOptions): Promise<End> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const end = new End(socket);
  readHead(socket, end, (line, found) => {
    end.fields = found;
    end.status = Number(line.split(' ')[1]);
    return true;
  });
  const all = { host: 'ws.test', connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': KEY, ...VERSION };
  const lines = Object.entries({ ...all, ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  end.say(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n${early}`);
  return end;
}

export async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

export function askOverHttp2(session: ClientHttp2Session, options: AskOptions = {}): End {
  const { fields = {}, path = '/ws', early = '' } = options;
  const asked = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': path };
  const stream = session.request({ ...asked, ':authority': 'ws.test', ...VERSION, ...fields }, { endStream: false });
  const end = new End(stream).listen();
  stream.on('response', (head) => {
    end.fields = head;
    end.status = Number(head[':status']);
    end.changes.touch();
  });
  stream.on('close', () => session.close());
  if (early !== '') end.say(early);
  return end;
}

/** A request for a WebSocket as an upstream sees it. */
export interface Asked {
  readonly end: End;
  /** The switch, and what is sent in one piece with it. */
  grant(fields?: Readonly<Record<string, string>>, early?: string): void;
  /** Some other answer. */
  answer(status: number, body: string): void;
}

export interface WebSocketOrigin {
  readonly port: number;
  readonly asked: readonly Asked[];
  next(): Promise<Asked>;
  close(): Promise<void>;
}

export interface OriginOptions {
  /** What belongs to a key. */
  readonly accept?: (key: string) => string;
  /** Over HTTP/2: extended CONNECT is announced. */
  readonly announces?: boolean;
}

export async function startWebSocketOrigin(
  version: Version,
  { accept = () => '', announces = true }: OriginOptions = {},
): Promise<WebSocketOrigin> {
  const asked: Asked[] = [];
  const changes = new Changes();
  const take = (one: Asked) => {
    asked.push(one);
    changes.touch();
  };
  let taken = 0;
  const closing = new Set<{ destroy(): void }>();
  const server = version === 'h1' ? http1Origin(take, accept, closing) : http2Origin(take, announces, closing);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    asked,
    next: async () => {
      const n = taken++;
      if (!(await changes.until(() => asked.length > n, LIMIT_MS))) throw new Error('nobody asked for a WebSocket');
      return asked[n] as Asked;
    },
    close: () =>
      new Promise((resolve) => {
        for (const one of closing) one.destroy();
        server.close(() => resolve());
      }),
  };
}

function http1Origin(
  take: (one: Asked) => void,
  accept: (key: string) => string,
  closing: Set<{ destroy(): void }>,
): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const end = new End(socket);
    closing.add(socket);
    readHead(socket, end, (line, fields) => {
      end.fields = { ...fields, line };
      const own = {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-accept': accept(fields['sec-websocket-key'] ?? ''),
      };
      take({
        end,
        grant: (more = {}, early = '') => {
          const lines = Object.entries({ ...own, ...more }).map(([name, value]) => `${name}: ${value}\r\n`);
          end.say(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n${early}`);
        },
        answer: (status, body) => end.say(`HTTP/1.1 ${status} x\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
      });
      return true;
    });
  });
}

function http2Origin(take: (one: Asked) => void, announces: boolean, closing: Set<{ destroy(): void }>): Server {
  const server = http2.createServer({ settings: { enableConnectProtocol: announces } });
  server.on('session', (session) => closing.add(session));
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, head) => {
    const end = new End(stream).listen();
    end.fields = head;
    take({
      end,
      grant: (more = {}, early = '') => {
        stream.respond({ ':status': 200, ...more });
        if (early !== '') end.say(early);
        else stream.write(NOTHING);
      },
      answer: (status, body) => {
        stream.respond({ ':status': status, 'content-length': body.length });
        stream.end(body);
      },
    });
  });
  return server as unknown as Server;
}
