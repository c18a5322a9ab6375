// Bytes of an upstream through Http1Client, as the answer to one request, and everything that came of it.

import { Violation } from '../target.ts';
import {
  type Http1ClientHandler,
  type Http1ClientOptions,
  type HttpStream,
  openClient,
  type RequestHead,
  type ResponseHead,
  sendHead,
} from './codec.ts';
import { MemorySocket } from './memory-socket.ts';
import { checkSameMessage, Recorder } from './recorder.ts';
import { withOwnTurns } from './turns.ts';

export interface AskingOptions {
  readonly codec: Http1ClientOptions;
  readonly request: RequestHead;
  /** How much of the request's body is sent before the answer comes. */
  readonly sent: 'no body' | 'whole' | 'half';
  /** Another request waits for the connection to be free, as in a pool that may not open more. */
  readonly queued: boolean;
  /** The upstream ends the connection after its last byte. */
  readonly ends: boolean;
  readonly room: number;
  /** Bytes come in memory that is used again. */
  readonly lent: boolean;
}

export interface Answered {
  readonly answer: Recorder<ResponseHead>;
  readonly written: string;
  /** Bytes of the answer as the stream counted them. */
  readonly received: number;
  /** The connection was given back. */
  readonly freed: boolean;
  /** The connection was ended before the upstream did so. */
  readonly over: boolean;
  /** How the connection ended. */
  readonly ending: string;
}

const HALF = Buffer.from('half');

/** Delivers the pieces one after the other; afterwards the connection goes away. */
export function ask(pieces: readonly Buffer[], options: AskingOptions): Answered {
  return withOwnTurns(() => {
    const socket = new MemorySocket(options.room);
    const connection = new Connection(socket, options);
    connection.send();
    socket.settle();
    for (const piece of pieces) connection.deliver(piece);
    connection.sendRest();
    const over = socket.destroyed;
    if (options.ends) socket.feedEnd();
    socket.settle();
    socket.destroy();
    socket.settle();
    return connection.result(over);
  });
}

/** Throws where the same bytes in other pieces came to something else. */
export function checkSameAnswered(whole: Answered, cut: Answered, how: string): void {
  checkSameMessage(whole.answer, cut.answer, how);
  const differs = (what: string, detail: string) => new Violation(`cut otherwise, ${what}`, `${how} ${detail}`);
  if (whole.written !== cut.written) throw differs('other bytes sent', `${whole.written} / ${cut.written}`);
  if (whole.ending !== cut.ending) throw differs('another ending', `${whole.ending} / ${cut.ending}`);
}

class Connection implements Http1ClientHandler {
  readonly answer = new Recorder<ResponseHead>();
  #next: Recorder<ResponseHead> | null = null;
  #free = 0;
  #over: string[] = [];
  #received = 0;
  #delivered = 0;
  #stream: HttpStream<RequestHead> | null = null;
  readonly #socket: MemorySocket;
  readonly #client: ReturnType<typeof openClient>;
  readonly #options: AskingOptions;

  constructor(socket: MemorySocket, options: AskingOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#client = openClient(socket, options.lent, options.codec, this);
  }

  send(): void {
    const stream = this.#client.open(this.answer);
    const { sent, request } = this.#options;
    this.#stream = stream;
    this.#verb(() => {
      sendHead(stream, copyOf(request), sent === 'no body' && request.upgrade === null, sent === 'whole');
      if (sent !== 'no body') stream.sendData(HALF, sent === 'whole');
    });
  }

  deliver(piece: Buffer): void {
    const before = this.#next;
    this.#delivered += this.#socket.destroyed ? 0 : piece.length;
    this.#socket.feed(piece);
    this.#socket.settle();
    this.answer.checkPromise();
    if (before === null && this.#next?.heard === true && this.#next.head !== null)
      throw new Violation('an answer from bytes that came before its request was sent');
  }

  /** The rest of a request that was half sent. */
  sendRest(): void {
    if (this.#options.sent !== 'half' || this.answer.failure !== null) return;
    this.#verb(() => this.#stream?.sendData(HALF, true));
    this.#socket.settle();
  }

  #verb(call: () => void): void {
    this.answer.inVerb = true;
    call();
    this.answer.inVerb = false;
  }

  onFree(): void {
    this.#free++;
    if (this.#over.length > 0) throw new Violation('a connection freed after its end');
    if (!this.answer.ended) throw new Violation('a connection freed before the end of the answer');
    if (!this.#options.queued || this.#next !== null) return;
    this.#next = new Recorder();
    sendHead(this.#client.open(this.#next), copyOf(this.#options.request), true);
  }

  onOver(by: string, during: boolean): void {
    this.#over.push(`${by} ${during}`);
    if (!this.#socket.destroyed) throw new Violation('a connection told to be over that is not destroyed');
  }

  onBytes(received: number): void {
    this.#received += received;
  }

  result(over: boolean): Answered {
    if (this.#over.length !== 1) throw new Violation('the end told other than once', this.#over.join(', '));
    if (this.#received > this.#delivered) throw new Violation('more bytes counted than delivered');
    const { answer } = this;
    if (!answer.ended && answer.failure === null) throw new Violation('an answer that neither ended nor failed');
    const freed = this.#free > 0;
    // Whether it was given back before uninvited bytes ended it is a matter of when they came.
    const ending = `${over ? 'over by us' : freed ? 'freed' : 'open'}, told: ${this.#over.join()}`;
    const received = this.#stream?.wire.received ?? 0;
    return { answer, written: this.#socket.written, received, freed, over, ending };
  }
}

/** Codecs change the heads they are given. */
export function copyOf<H extends RequestHead | ResponseHead>(head: H): H {
  return { ...head, headers: head.headers.slice() };
}
