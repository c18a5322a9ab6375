// One end of an HTTP/2 connection, which says exactly the bytes that a test tells it and keeps what it hears.
// A client or a server: that only differs in who says the preface.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { HpackDecoder } from '../../../sidecar/http/h2/hpack/decoder.ts';
import { Changes } from '../h1/changes.ts';
import { polled } from '../h1/ours.ts';
import * as f from './frames.ts';

/** What came on one stream. */
export class Heard {
  /** Field lists in the order they came: interim answers, head, trailers. Names and values after one another. */
  readonly heads: string[][] = [];
  readonly pieces: Buffer[] = [];
  /** Names of fields in these that came as literals never to be indexed. */
  readonly neverIndexed: string[] = [];
  ended = false;
  /** The code of RST_STREAM. */
  reset: number | null = null;

  get body(): Buffer {
    return Buffer.concat(this.pieces);
  }

  get text(): string {
    return this.body.toString('latin1');
  }

  get length(): number {
    return this.pieces.reduce((sum, { length }) => sum + length, 0);
  }

  field(name: string, head = 0): string | null {
    return fieldOf(this.heads[head] ?? [], name);
  }

  get statuses(): number[] {
    return this.heads.map((head) => Number(fieldOf(head, ':status') ?? 0)).filter((status) => status > 0);
  }

  /** Of the final answer; 0: there is none yet. */
  get status(): number {
    return this.statuses.find((status) => status >= 200) ?? 0;
  }

  get trailers(): string[] | null {
    const last = this.heads.at(-1) ?? [];
    return this.heads.length > 1 && !(last[0] ?? ':').startsWith(':') ? last : null;
  }

  get over(): boolean {
    return this.ended || this.reset !== null;
  }
}

export function fieldOf(head: readonly string[], name: string): string | null {
  const at = head.findIndex((text, i) => i % 2 === 0 && text === name);
  return at === -1 ? null : (head[at + 1] as string);
}

export interface PeerOptions {
  /** `bare`: a client that says its preface itself, or none. */
  readonly role: 'client' | 'server' | 'bare';
  /** Whether room is given back as bodies come. */
  readonly reads?: boolean;
  /** Our SETTINGS; null: none are sent. */
  readonly settings?: Readonly<Record<number, number>> | null;
  /** Whether SETTINGS and PING are answered. */
  readonly answers?: boolean;
}

/** What must come is waited for so long. */
const LIMIT_MS = 30_000;
const LARGE_BLOCK = { bytes: 2 ** 20, fields: 4096 };

export class Peer {
  readonly streams = new Map<number, Heard>();
  readonly goaways: { readonly last: number; readonly code: number }[] = [];
  readonly settings = new Map<number, number>();
  /** Types of frames, in order. */
  readonly types: number[] = [];
  /** Room that was given to us, by stream. */
  readonly room = new Map<number, number>();
  closed = false;
  /** Bytes of bodies that a BodySender said. */
  bodySent = 0;
  /** Told of each head. */
  onHead: ((id: number, heard: Heard, end: boolean) => void) | null = null;
  onFrame: ((type: number, id: number) => void) | null = null;
  readonly socket: Socket;
  readonly #options: PeerOptions;
  readonly #changes = new Changes();
  readonly #decoder = new HpackDecoder(undefined, LARGE_BLOCK);
  #rest: Buffer = Buffer.alloc(0);
  #block: Buffer[] = [];
  #prefaceLeft: number;

  constructor(socket: Socket, options: PeerOptions) {
    this.socket = socket;
    this.#options = options;
    this.#prefaceLeft = options.role === 'server' ? f.PREFACE.length : 0;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#changes.touch();
    });
    if (options.role === 'client') socket.write(f.PREFACE);
    if (options.settings !== null) socket.write(f.settings(options.settings ?? {}));
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** In pieces that are packets of their own. */
  async sendPieces(pieces: readonly Buffer[]): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await polled();
      this.send(piece);
    }
  }

  stream(id: number): Heard {
    const heard = this.streams.get(id) ?? new Heard();
    this.streams.set(id, heard);
    return heard;
  }

  /** Throws what was heard where it does not come to be. */
  async until(good: () => boolean, what: string): Promise<void> {
    if (!(await this.#changes.until(good, LIMIT_MS))) throw new Error(`not seen: ${what}; heard ${this.summary()}`);
  }

  /** The answer on a stream, whole or broken off, or the end of the connection. */
  async over(id: number): Promise<Heard> {
    const heard = this.stream(id);
    await this.until(() => heard.over || this.closed, `the end of stream ${id}`);
    return heard;
  }

  summary(): string {
    const streams = [...this.streams].map(
      ([id, { heads, length, ended, reset }]) =>
        `${id}: ${JSON.stringify(heads)} + ${length} bytes${ended ? ', ended' : ''}${reset === null ? '' : `, reset ${reset}`}`,
    );
    return `${streams.join('; ')} goaways ${JSON.stringify(this.goaways)}${this.closed ? ' closed' : ''}`;
  }

  close(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    const skipped = Math.min(this.#prefaceLeft, bytes.length);
    this.#prefaceLeft -= skipped;
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(skipped)]);
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      const whole = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      this.#take(whole[3] as number, whole[4] as number, whole.readUInt32BE(5), whole.subarray(9));
    }
    this.#changes.touch();
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    this.types.push(type);
    if (type === f.TYPE.DATA) this.#takeData(id, flags, payload);
    else if (type === f.TYPE.HEADERS || type === f.TYPE.CONTINUATION) this.#takeHeaders(id, flags, payload);
    else if (type === f.TYPE.RST_STREAM) this.stream(id).reset = payload.readUInt32BE(0);
    else if (type === f.TYPE.GOAWAY)
      this.goaways.push({ last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) });
    else if (type === f.TYPE.WINDOW_UPDATE) this.room.set(id, (this.room.get(id) ?? 0) + payload.readUInt32BE(0));
    else if ((flags & f.ACK) === 0) this.#takeAsked(type, payload);
    this.onFrame?.(type, id);
  }

  #takeAsked(type: number, payload: Buffer): void {
    const answers = this.#options.answers !== false;
    if (type === f.TYPE.SETTINGS) {
      for (let at = 0; at < payload.length; at += 6)
        this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (answers) this.send(f.settingsAck());
    } else if (type === f.TYPE.PING && answers) this.send(f.frame(f.TYPE.PING, f.ACK, 0, payload));
  }

  #takeData(id: number, flags: number, payload: Buffer): void {
    const heard = this.stream(id);
    if (payload.length > 0) heard.pieces.push(Buffer.from(payload));
    if ((flags & f.END_STREAM) !== 0) heard.ended = true;
    if (payload.length === 0 || this.#options.reads === false) return;
    this.send(f.windowUpdate(0, payload.length), ...(heard.ended ? [] : [f.windowUpdate(id, payload.length)]));
  }

  /** END_STREAM stands on HEADERS, the end of the block maybe on a frame behind it. */
  #takeHeaders(id: number, flags: number, payload: Buffer): void {
    const ends = this.types.at(-1) === f.TYPE.HEADERS && (flags & f.END_STREAM) !== 0;
    if (ends) this.stream(id).ended = true;
    this.#block.push(payload);
    if ((flags & f.END_HEADERS) === 0) return;
    const bytes = Buffer.concat(this.#block.splice(0));
    const head: string[] = [];
    const decoded = this.#decoder.decode(bytes, 0, bytes.length, {
      onField: (name, value) => void head.push(name, value),
      onNeverIndexed: (name) => void this.stream(id).neverIndexed.push(name),
    });
    if (decoded !== 'ok') throw new Error(`a field block that cannot be read: ${decoded}`);
    const heard = this.stream(id);
    heard.heads.push(head);
    this.onHead?.(id, heard, heard.ended);
  }
}

export async function connectPeer(port: number, options: Partial<PeerOptions> = {}): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return new Peer(socket, { role: 'client', ...options });
}

/** An upstream that is told what to say. */
export interface PeerOrigin {
  readonly port: number;
  readonly peers: readonly Peer[];
  /** Told of every request's head. */
  onRequest: (peer: Peer, id: number, heard: Heard, end: boolean) => void;
  /** A connection was accepted. */
  onPeer: (peer: Peer) => void;
  /** Of connections that come. */
  options: Partial<PeerOptions>;
  /** Waits for something that any connection tells of. */
  until(good: () => boolean, what: string): Promise<void>;
  close(): Promise<void>;
}

export async function startPeerOrigin(options: Partial<PeerOptions> = {}): Promise<PeerOrigin> {
  const peers: Peer[] = [];
  const changes = new Changes();
  const server = createServer({ noDelay: true }, (socket) => {
    const peer = new Peer(socket, { role: 'server', ...origin.options });
    peers.push(peer);
    peer.onHead = (id, heard, end) => {
      // Trailers are no request.
      if (heard.heads.length === 1) origin.onRequest(peer, id, heard, end);
    };
    peer.onFrame = () => changes.touch();
    socket.on('close', () => changes.touch());
    origin.onPeer(peer);
    changes.touch();
  });
  const origin: PeerOrigin = {
    port: await listen(server),
    peers,
    options,
    onRequest: (peer, id) => peer.send(f.headers(id, f.response(200), false), f.data(id, 'ok')),
    onPeer: () => {},
    until: async (good, what) => {
      if (!(await changes.until(good, LIMIT_MS)))
        throw new Error(`not seen: ${what}; ${peers.map((peer) => peer.summary()).join(' | ')}`);
    },
    close: () => closeAll(server, peers),
  };
  return origin;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}

function closeAll(server: Server, peers: readonly Peer[]): Promise<void> {
  return new Promise((resolve) => {
    for (const peer of peers) peer.close();
    server.close(() => resolve());
  });
}
