// Bytes of a client through Http1Server, answered in one of several manners, and everything that came of it.

import { Violation } from '../target.ts';
import {
  type ConnectionLimit,
  type Fault,
  givenUp,
  type ServerHandler,
  type Http1ServerOptions,
  type HttpStream,
  openServer,
  type RequestHead,
  type RequestReader,
  type ResponseHead,
  StoppedClock,
  sendHead,
} from './codec.ts';
import { MemorySocket } from './memory-socket.ts';
import { checkSameMessage, Recorder } from './recorder.ts';
import { withOwnTurns } from './turns.ts';

/** When a request is answered: at its end, at its head, in a later turn, or when no more bytes come. */
export type Manner = 'at its end' | 'at its head' | 'next turn' | 'late';

export interface ServingOptions {
  readonly codec: Http1ServerOptions;
  readonly manner: Manner;
  /** Upgrades are granted. */
  readonly upgrades: boolean;
  /** Bytes that the socket takes before it says that it is full. */
  readonly room: number;
}

export interface Served {
  readonly requests: readonly (Recorder<RequestHead> & { readonly received: number })[];
  readonly faults: readonly (Fault | null)[];
  readonly written: string;
  /** Methods of the requests that were answered, in order; the last answer may be to a fault. */
  readonly answered: readonly string[];
  /** The connection takes further requests. */
  readonly open: boolean;
  /** How the connection ended. */
  readonly ending: string;
}

const ANSWER_BODY = Buffer.from('hello');
const REFUSAL = Buffer.from('no');

/** Delivers the pieces one after the other; afterwards the client goes away. */
export function serve(pieces: readonly Buffer[], options: ServingOptions): Served {
  return withOwnTurns(() => {
    const socket = new MemorySocket(options.room);
    const connection = new Connection(options);
    const clock = new StoppedClock();
    openServer(socket, options.codec, connection, clock);
    for (const piece of pieces) {
      socket.feed(piece);
      socket.settle();
      for (const request of connection.streams) request.checkPromise();
    }
    while (connection.answerLate()) socket.settle();
    const open = connection.goesOn(socket);
    connection.checkClosing(socket, clock);
    socket.feedEnd();
    socket.settle();
    socket.destroy();
    socket.settle();
    connection.check(clock);
    return connection.result(socket, open);
  });
}

/** Throws where the same bytes in other pieces came to something else. */
export function checkSameServed(whole: Served, cut: Served, how: string): void {
  for (const [i, request] of whole.requests.entries()) {
    const other = cut.requests[i];
    if (other !== undefined) checkSameMessage(request, other, how);
  }
  const [first, second] = [whole.requests.length, cut.requests.length];
  const differs = (what: string, detail: string) => new Violation(`cut otherwise, ${what}`, `${how} ${detail}`);
  if (first !== second) throw differs('another number of requests', `${first} / ${second}`);
  if (whole.written !== cut.written) throw differs('other answers', `${whole.written} / ${cut.written}`);
  if (whole.ending !== cut.ending) throw differs('another ending', `${whole.ending} / ${cut.ending}`);
}

class Connection implements ServerHandler {
  readonly streams: Exchange[] = [];
  readonly answered: string[] = [];
  #closed = 0;
  readonly #options: ServingOptions;

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  onStream(stream: HttpStream<ResponseHead>): RequestReader {
    const before = this.streams.at(-1);
    if (before !== undefined && !before.over) throw new Violation('a request before the one before it was answered');
    const exchange = new Exchange(stream, this.#options, this.streams.length, (method) => this.answered.push(method));
    this.streams.push(exchange);
    return exchange;
  }

  onLimit(limit: ConnectionLimit): void {
    if (limit === 'idle') throw new Violation('an idle timeout while time stands still');
  }

  onClose(): void {
    this.#closed++;
  }

  /** Answers what still waits; whether there was anything. */
  answerLate(): boolean {
    const last = this.streams.at(-1);
    return this.#options.manner === 'late' && last?.answerIfWhole() === true;
  }

  /** Whether a further request would be read: no answer announced the end. */
  goesOn(socket: MemorySocket): boolean {
    const announced = /^connection: close\r$/im.test(socket.written);
    return !socket.destroyed && !socket.writableEnded && !announced;
  }

  /** A client that never closes must not keep a connection that we have ended. */
  checkClosing(socket: MemorySocket, clock: StoppedClock): void {
    const idle = this.#options.codec.idleTimeoutMs > 0 ? 1 : 0;
    if (socket.writableEnded && !socket.destroyed && clock.pending <= idle)
      throw new Violation('an ended connection that nothing will close');
  }

  check(clock: StoppedClock): void {
    if (this.#closed !== 1) throw new Violation('the end of a connection told other than once', `${this.#closed}`);
    if (clock.pending !== 0) throw new Violation('timers left behind by a closed connection', `${clock.pending}`);
  }

  result(socket: MemorySocket, open: boolean): Served {
    const requests = this.streams;
    const faults = requests.map((one) => one.fault);
    const ending = `${open ? 'open' : 'over'}${socket.writableEnded ? ', ended' : ''}${socket.wasReset ? ', reset' : ''}`;
    return { requests, faults, written: socket.written, answered: this.answered, open, ending };
  }
}

class Exchange extends Recorder<RequestHead> implements RequestReader {
  fault: Fault | null = null;
  /** Answered in full, or given up. */
  over = false;
  #answering = false;
  readonly #stream: HttpStream<ResponseHead>;
  readonly #options: ServingOptions;
  readonly #number: number;
  readonly #onAnswered: (method: string) => void;

  constructor(
    stream: HttpStream<ResponseHead>,
    options: ServingOptions,
    number: number,
    onAnswered: (method: string) => void,
  ) {
    super();
    this.#stream = stream;
    this.#options = options;
    this.#number = number;
    this.#onAnswered = onAnswered;
  }

  override onHead(head: RequestHead, end: boolean, more = false): void {
    super.onHead(head, end, more);
    if (head.expectsContinue) this.#verb(() => sendHead(this.#stream, answerHead(100, []), false));
    const { upgrades, manner } = this.#options;
    if (head.upgrade !== null && upgrades) this.#switch(head);
    else if (head.upgrade !== null || manner === 'at its head') this.#answer();
    else if (end) this.#whole();
  }

  override onData(chunk: Buffer, end: boolean): void {
    super.onData(chunk, end);
    if (end) this.#whole();
  }

  override onTrailers(trailers: string[]): void {
    super.onTrailers(trailers);
    this.#whole();
  }

  onFault(fault: Fault): void {
    this.calls++;
    if (this.failure !== null) throw new Violation('onFault after the end');
    this.fault = fault;
    this.failure = `fault ${fault.status} ${fault.details}`;
    if (this.over) return;
    this.over = true;
    this.#verb(() => {
      if (this.#answering) this.#stream.reset(givenUp());
      else this.#refuse(fault);
    });
  }

  override onReset(error: Parameters<Recorder<RequestHead>['onReset']>[0]): void {
    super.onReset(error);
    this.over = true;
  }

  /** Bytes of the request as the stream counted them. */
  get received(): number {
    return this.#stream.wire.received;
  }

  answerIfWhole(): boolean {
    if (!this.ended || this.#answering || this.over) return false;
    this.#answer();
    return true;
  }

  #whole(): void {
    if (this.#options.manner === 'at its end') this.#answer();
    if (this.#options.manner === 'next turn') process.nextTick(() => this.answerIfWhole());
  }

  /** An answer in one of several forms, chosen by the number of the request alone. */
  #answer(): void {
    if (this.#answering || this.over) return;
    this.#answering = true;
    this.over = true;
    this.#onAnswered(this.head?.method ?? '');
    this.#verb(() => {
      const form = this.head?.method === 'HEAD' ? 0 : this.#number % 4;
      const fields = form === 3 ? ['content-length', '5'] : ['x-form', `${form}`];
      sendHead(this.#stream, answerHead(200, fields), form === 0, form > 1);
      if (form === 1 || form === 3) this.#stream.sendData(ANSWER_BODY, true);
      if (form !== 2) return;
      this.#stream.sendData(ANSWER_BODY, false);
      this.#stream.sendTrailers(['x-trailer', '1']);
    });
  }

  #switch(head: RequestHead): void {
    this.#answering = true;
    this.#onAnswered(head.method);
    this.#verb(() => sendHead(this.#stream, answerHead(101, ['upgrade', head.upgrade ?? '']), false));
  }

  #refuse(fault: Fault): void {
    const head = answerHead(fault.status, ['content-length', `${REFUSAL.length}`], true);
    this.#onAnswered(this.head?.method ?? '');
    if (this.head?.method === 'HEAD') sendHead(this.#stream, head, true);
    else {
      sendHead(this.#stream, head, false, true);
      this.#stream.sendData(REFUSAL, true);
    }
  }

  #verb(call: () => void): void {
    this.inVerb = true;
    call();
    this.inVerb = false;
  }
}

function answerHead(status: number, headers: string[], close = false): ResponseHead {
  return { status, headers, version: 11, wireBytes: 0, close };
}
