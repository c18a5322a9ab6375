// What a codec tells of one message, written down; and the rules of the seam (sidecar/http/stream.ts), which
// every codec must keep whatever its peer sends: nothing after the end, no call inside a verb, one end only.

import { Violation } from '../target.ts';
import type { HeaderList, ProxyError, RequestHead, ResponseHead, StreamReader } from './codec.ts';

export type Head = RequestHead | ResponseHead;

export class Recorder<H extends Head> implements StreamReader<H> {
  /** Answers before the final one. */
  readonly interim: H[] = [];
  head: H | null = null;
  body = '';
  trailers: readonly string[] | null = null;
  ended = false;
  /** Why the message was not read to its end: a fault's details, or a reset's. */
  failure: string | null = null;
  /** The same in words for a person, which may depend on where the bytes were cut. */
  reason = '';
  /** A verb of this stream is being called. */
  inVerb = false;
  /** The head came with the word that more follows before the codec returns. */
  promised = false;
  protected calls = 0;

  onHead(head: H, end: boolean, more = false): void {
    this.begin('onHead');
    this.promised = more;
    if (isInterim(head)) this.interim.push(head);
    else if (this.head !== null) throw new Violation('two heads for one message');
    else this.head = head;
    if (end) this.finish();
  }

  onData(chunk: Buffer, end: boolean): void {
    this.begin('onData');
    if (this.head === null) throw new Violation('data before a head');
    if (chunk.length > 0) this.body += chunk.toString('latin1');
    else if (!end && !this.promised) throw new Violation('an empty piece of data');
    this.promised = false;
    if (end) this.finish();
  }

  onTrailers(trailers: HeaderList): void {
    this.begin('onTrailers');
    if (this.head === null) throw new Violation('trailers before a head');
    this.promised = false;
    this.trailers = trailers;
    this.finish();
  }

  onDrain(): void {
    if (this.inVerb) throw new Violation('onDrain inside a verb of the same stream');
  }

  onReset(error: ProxyError): void {
    // A server's stream is also told of a connection that ends while the answer is under way.
    this.calls++;
    this.promised = false;
    if (this.failure !== null) throw new Violation('onReset after the end');
    this.failure = `reset ${error.row.details}`;
    this.reason = error.context;
  }

  protected begin(what: string): void {
    this.calls++;
    if (this.inVerb) throw new Violation(`${what} inside a verb of the same stream`);
    if (this.ended || this.failure !== null) throw new Violation(`${what} after the end`);
  }

  protected finish(): void {
    this.ended = true;
  }

  /** Whether anything was told. */
  get heard(): boolean {
    return this.calls > 0;
  }

  /** Throws where the codec returned without what it had promised. */
  checkPromise(): void {
    if (this.promised) throw new Violation('more was promised and did not come');
  }
}

/** Throws where two readings of the same bytes differ; says in what. */
export function checkSameMessage<H extends Head>(a: Recorder<H>, b: Recorder<H>, how: string): void {
  const differs = (what: string, one: unknown, other: unknown) => {
    if (one !== other) throw new Violation(`cut otherwise, another ${what}`, `${how} ${JSON.stringify([one, other])}`);
  };
  differs('interim answer', a.interim.map(headText).join(''), b.interim.map(headText).join(''));
  differs('head', a.head && headText(a.head), b.head && headText(b.head));
  differs('failure', a.failure, b.failure);
  differs('end', a.ended, b.ended);
  differs(a.failure === null ? 'body' : 'beginning of a body that breaks off', a.body, b.body);
  differs('trailer', a.trailers?.join('\n'), b.trailers?.join('\n'));
}

function isInterim(head: Head): boolean {
  return 'status' in head && head.status < 200 && head.status !== 101;
}

export function headText(head: Head): string {
  const first =
    'status' in head
      ? `${head.status}`
      : `${head.method} ${head.path} ${head.authority} ${head.scheme} ${head.upgrade} ${head.expectsContinue}`;
  return `${first} ${head.version} ${head.wireBytes}\n${head.headers.join('\n')}\n`;
}
