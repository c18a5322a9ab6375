// An answer passed on while it comes, as the proxy does: every piece given from the client codec to the server
// codec at once, with a socket behind it that is soon full. What is lent must be whole until it was written,
// and a message that breaks off must never look complete.

import { Violation } from '../target.ts';
import { type AskingOptions, copyOf } from './asking.ts';
import {
  givenUp,
  type HttpStream,
  openClient,
  openServer,
  type ProxyError,
  type RequestHead,
  type RequestReader,
  type ResponseHead,
  SERVER_OPTIONS,
  StoppedClock,
  sendHead,
} from './codec.ts';
import { parseStrictly } from './llhttp.ts';
import { MemorySocket } from './memory-socket.ts';
import { Recorder } from './recorder.ts';
import { withOwnTurns } from './turns.ts';

/** Bytes that the client's side takes before it is full. */
const ROOM = 100;

export function checkRelayed(pieces: readonly Buffer[], { codec, request }: AskingOptions): void {
  withOwnTurns(() => {
    const down = new MemorySocket(ROOM);
    const up = new MemorySocket();
    const asker = new Asker();
    const handler = { onStream: (stream: Answer) => asker.of(stream), onLimit: () => {}, onClose: () => {} };
    openServer(down, { ...SERVER_OPTIONS, enableTrailers: true }, handler, new StoppedClock());
    down.feed(Buffer.from(`${request.method} / HTTP/1.1\r\nhost: a\r\n\r\n`));
    down.settle();
    const relay = new Relay(asker.stream as Answer);
    const client = openClient(up, true, codec, { onFree: () => {}, onOver: () => {}, onBytes: () => {} });
    relay.upstream = client.open(relay);
    asker.relay = relay;
    sendHead(relay.upstream, copyOf(request), true);
    settle(up, down);
    for (const piece of pieces) {
      up.feed(piece);
      settle(up, down);
    }
    up.feedEnd();
    settle(up, down);
    check(relay, down, request.method);
  });
}

type Answer = HttpStream<ResponseHead>;

/** Each side may give the other something to do. */
function settle(up: MemorySocket, down: MemorySocket): void {
  for (let i = 0; i < 3; i++) {
    up.settle();
    down.settle();
  }
}

class Relay extends Recorder<ResponseHead> {
  upstream: HttpStream<RequestHead> | null = null;
  readonly #down: Answer;

  constructor(down: Answer) {
    super();
    this.#down = down;
  }

  override onHead(head: ResponseHead, end: boolean, more = false): void {
    super.onHead(head, end, more);
    if (head === this.head) sendHead(this.#down, copyOf(head), end, more);
  }

  override onData(chunk: Buffer, end: boolean): void {
    super.onData(chunk, end);
    if (!this.#down.sendData(chunk, end) && !end) this.upstream?.pause();
  }

  override onTrailers(trailers: string[]): void {
    super.onTrailers(trailers);
    this.#down.sendTrailers(trailers);
  }

  override onReset(error: ProxyError): void {
    super.onReset(error);
    this.#down.reset(givenUp());
  }
}

/** The request on the client's side. */
class Asker extends Recorder<RequestHead> implements RequestReader {
  stream: Answer | null = null;
  relay: Relay | null = null;

  of(stream: Answer): this {
    this.stream = stream;
    return this;
  }

  override onDrain(): void {
    this.relay?.upstream?.resume();
  }

  override onReset(error: ProxyError): void {
    super.onReset(error);
    this.relay?.upstream?.reset(error);
  }

  onFault(): void {
    throw new Violation('a plain request was refused');
  }
}

function check(relay: Relay, down: MemorySocket, method: string): void {
  if (relay.head === null || relay.head.status === 101) return;
  const bytes = Buffer.from(down.written, 'latin1');
  const { messages, error } = parseStrictly('response', bytes, () => method === 'HEAD');
  const [message] = messages;
  const complete = message?.complete === true && error === null;
  if (relay.ended && !complete) throw new Violation('passed on as what is not complete for llhttp', down.written);
  if (relay.ended && message?.body !== relay.body) throw new Violation('passed on with another body', down.written);
  if (!relay.ended && complete) throw new Violation('an answer that breaks off passed on as complete', down.written);
}
