// What we read, written again by the codec of the other side as the proxy does, and read a second time: by
// us and by llhttp, to the same message.

import { Violation } from '../target.ts';
import { type AskingOptions, ask, copyOf } from './asking.ts';
import {
  CLIENT_OPTIONS,
  type HeaderList,
  type HttpStream,
  openClient,
  openServer,
  type RequestHead,
  type RequestReader,
  type ResponseHead,
  SERVER_OPTIONS,
  StoppedClock,
  sendHead,
} from './codec.ts';
import { parseStrictly } from './llhttp.ts';
import { MemorySocket } from './memory-socket.ts';
import { type Head, Recorder } from './recorder.ts';
import { type ServingOptions, serve } from './serving.ts';
import { withOwnTurns } from './turns.ts';

type HeaderCase = AskingOptions['codec']['headerCase'];

const AGAIN: ServingOptions = {
  codec: { ...SERVER_OPTIONS, acceptHttp10: true, customMethods: true, enableTrailers: true, maxHeadersCount: 200 },
  manner: 'at its end',
  upgrades: true,
  room: Number.POSITIVE_INFINITY,
};

/** Whether a proxy passes it on as a message: without a Host it does not, and what goes through a tunnel is none. */
export function isForwarded(request: Recorder<RequestHead>): boolean {
  const { head } = request;
  return request.ended && head !== null && head.authority !== '' && head.upgrade === null;
}

export function checkForwardedRequest(request: Recorder<RequestHead>, headerCase: HeaderCase, known: boolean): void {
  const head = request.head as RequestHead;
  const written = writeRequest(request, headerCase);
  const bytes = Buffer.from(written, 'latin1');
  const [again, ...more] = serve([bytes], AGAIN).requests;
  if (again === undefined || more.length > 0) throw new Violation('forwarded as other than one request', written);
  if (/^expect:/im.test(written) && !/^(?:transfer-encoding:|content-length: [1-9])/im.test(written))
    throw new Violation('an expectation forwarded without a body', written);
  checkSame(head, request, again, written, (one) => `${one.method} ${one.path} ${one.authority} ${one.upgrade}`);
  if (known) checkStrictly('request', bytes, request.body, false);
}

export function checkForwardedResponse(answer: Recorder<ResponseHead>, method: string, headerCase: HeaderCase): void {
  const head = answer.head as ResponseHead;
  const written = writeResponse(answer, method, headerCase);
  const bytes = Buffer.from(written, 'latin1');
  const request = { ...GET, method };
  const { answer: again, over } = ask([bytes], { ...READ_AGAIN, request });
  if (over) throw new Violation('forwarded with more than one answer', written);
  checkSame(head, answer, again, written, (one) => `${one.status}`);
  checkStrictly('response', bytes, answer.body, method === 'HEAD');
}

const READ_AGAIN: Omit<AskingOptions, 'request'> = {
  codec: { ...CLIENT_OPTIONS, enableTrailers: true, maxHeadersCount: 200 },
  sent: 'no body',
  queued: false,
  ends: true,
  room: Number.POSITIVE_INFINITY,
  lent: true,
};

function checkSame<H extends Head>(
  head: H,
  first: Recorder<H>,
  again: Recorder<H>,
  written: string,
  line: (head: H) => string,
): void {
  const second = again.head;
  if (second === null || !again.ended) throw new Violation('forwarded as what we do not read', written);
  if (line(second) !== line(head)) throw new Violation('forwarded with another first line', written);
  if (!sameFields(head.headers, second.headers)) throw new Violation('forwarded with other fields', written);
  if (again.body !== first.body) throw new Violation('forwarded with another body', written);
  if (first.trailers !== null && again.trailers?.join('\n') !== first.trailers.join('\n'))
    throw new Violation('forwarded with other trailers', written);
}

/** Framing may have been added, or taken away where there can be no body; an expectation goes with the body. */
function sameFields(before: HeaderList, after: HeaderList): boolean {
  return before.join('\n') === after.join('\n') || withoutFraming(before) === withoutFraming(after);
}

const FRAMING: ReadonlySet<string> = new Set(['content-length', 'expect']);

function withoutFraming(headers: HeaderList): string {
  return headers.filter((_, i) => !FRAMING.has(headers[i & ~1] as string)).join('\n');
}

function checkStrictly(kind: 'request' | 'response', bytes: Buffer, body: string, skips: boolean): void {
  const strict = parseStrictly(kind, bytes, () => skips);
  const [one, ...more] = strict.messages;
  const complete = one?.complete === true && strict.error === null && more.length === 0;
  if (!complete) throw new Violation(`forwarded as what llhttp refuses: ${strict.error}`, bytes.toString('latin1'));
  if (one.body !== body) throw new Violation('forwarded with another body for llhttp', bytes.toString('latin1'));
}

const NOBODY = { onFree: () => {}, onOver: () => {}, onBytes: () => {} };

function writeRequest(request: Recorder<RequestHead>, headerCase: HeaderCase): string {
  return withOwnTurns(() => {
    const socket = new MemorySocket();
    const client = openClient(socket, false, { ...CLIENT_OPTIONS, enableTrailers: true, headerCase }, NOBODY);
    send(client.open(new Recorder<ResponseHead>()), request);
    socket.settle();
    return socket.written;
  });
}

/** In two pieces where there is enough, as it may have come. */
function send<H extends Head>(stream: HttpStream<H>, message: Recorder<H>): void {
  const head = copyOf(message.head as H);
  const body = Buffer.from(message.body, 'latin1');
  const waits = 'upgrade' in head && (head.upgrade !== null || head.expectsContinue);
  const bare = body.length === 0 && message.trailers === null && !waits;
  const half = body.length >> 1;
  sendHead(stream, head, bare, half > 0);
  if (bare) return;
  if (half > 0) stream.sendData(body.subarray(0, half), false);
  if (body.length > 0) stream.sendData(body.subarray(half), message.trailers === null);
  else if (message.trailers === null && !('upgrade' in head && head.upgrade !== null)) stream.sendData(body, true);
  if (message.trailers !== null) stream.sendTrailers([...message.trailers]);
}

const GET: RequestHead = {
  method: 'GET',
  path: '/',
  authority: 'a',
  scheme: 'http',
  version: 11,
  headers: [],
  upgrade: null,
  expectsContinue: false,
  wireBytes: 0,
};

function writeResponse(answer: Recorder<ResponseHead>, method: string, headerCase: HeaderCase): string {
  return withOwnTurns(() => {
    const socket = new MemorySocket();
    const handler = {
      onStream: (stream: HttpStream<ResponseHead>) => new Answerer(stream, answer),
      onLimit: () => {},
      onClose: () => {},
    };
    openServer(socket, { ...SERVER_OPTIONS, enableTrailers: true, headerCase }, handler, new StoppedClock());
    socket.feed(Buffer.from(`${method} / HTTP/1.1\r\nhost: a\r\n\r\n`));
    socket.settle();
    return socket.written;
  });
}

class Answerer extends Recorder<RequestHead> implements RequestReader {
  readonly #stream: HttpStream<ResponseHead>;
  readonly #answer: Recorder<ResponseHead>;

  constructor(stream: HttpStream<ResponseHead>, answer: Recorder<ResponseHead>) {
    super();
    this.#stream = stream;
    this.#answer = answer;
  }

  override onHead(head: RequestHead, end: boolean, more = false): void {
    super.onHead(head, end, more);
    send(this.#stream, this.#answer);
  }

  onFault(): void {
    throw new Violation('a plain request was refused');
  }
}
