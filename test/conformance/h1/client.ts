// The client before the proxy: sends pieces, and reads answers strictly, each to its own end.

import { connect, type Socket } from 'node:net';
import { BodyReader } from './body-reader.ts';
import type { Changes } from './changes.ts';
import { framingOf, joined, type ReadHead, readHead } from './head-reader.ts';

export interface GotAnswer {
  readonly status: number;
  /** Statuses of the interim answers before it. */
  readonly interim: readonly number[];
  /** Its head, as it came. */
  readonly text: string;
  readonly head: ReadHead;
  readonly body: BodyReader;
  /** To the last byte. Until the connection ended, of a body that only its end delimits, this is not known. */
  whole: boolean;
  readonly untilEnd: boolean;
  /** Announces the end of the connection. */
  readonly last: boolean;
}

export type End = 'open' | 'fin' | 'reset';

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3}) [\t\x20-\x7e\x80-\xff]*$/;

export class Client {
  readonly answers: GotAnswer[] = [];
  readonly faults: string[] = [];
  /** Interim answers that no final one followed yet. */
  interim: number[] = [];
  end: End = 'open';
  received = 0;
  /** After a switch of protocols. */
  tunnel: string | null = null;
  #rest = '';
  #open: GotAnswer | null = null;
  readonly #socket: Socket;
  readonly #changes: Changes;
  readonly #methods: readonly string[];

  private constructor(socket: Socket, changes: Changes, methods: readonly string[]) {
    this.#socket = socket;
    this.#changes = changes;
    this.#methods = methods;
    socket.on('data', (bytes) => this.#read(bytes.toString('latin1')));
    socket.on('end', () => this.#ended('fin'));
    socket.on('error', () => this.#ended('reset'));
    socket.on('close', () => this.#ended('reset'));
  }

  static open(port: number, changes: Changes, methods: readonly string[] = []): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Client(socket, changes, methods));
      });
    });
  }

  say(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, 'latin1');
  }

  leave(how: 'fin' | 'reset'): void {
    if (how === 'fin') this.#socket.end();
    else this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Bytes that are no answer. */
  get stray(): string {
    return this.#rest;
  }

  /** An answer that is not whole. */
  get open(): GotAnswer | null {
    return this.#open;
  }

  #ended(how: 'fin' | 'reset'): void {
    if (this.end !== 'open') return;
    this.end = how;
    if (how === 'fin' && this.#open?.untilEnd) this.#finish(this.#open);
    this.#changes.touch();
  }

  #read(text: string): void {
    this.received += text.length;
    this.#rest += text;
    while (this.#rest !== '' && this.#step());
    this.#changes.touch();
  }

  #step(): boolean {
    if (this.tunnel !== null) {
      this.tunnel += this.#rest;
      this.#rest = '';
      return false;
    }
    return this.#open === null ? this.#takeHead() : this.#takeBody(this.#open);
  }

  #takeHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 4);
    const head = readHead(text);
    const [, minor, status] = STATUS_LINE.exec(head.line) ?? [];
    if (status === undefined) this.faults.push(`a status line of ${JSON.stringify(head.line.slice(0, 80))}`);
    this.faults.push(...head.faults);
    return this.#onHead(text, head, Number(status ?? 0), minor === '0');
  }

  #onHead(text: string, head: ReadHead, status: number, old: boolean): boolean {
    if (status >= 100 && status < 200 && status !== 101) {
      this.interim.push(status);
      return this.#rest !== '';
    }
    const framing = framingOf(head, this.faults);
    const method = this.#methods[this.answers.length] ?? 'GET';
    const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101;
    if (status === 204 && framing.kind !== 'none') this.faults.push('a 204 with framing');
    const untilEnd = !bodiless && framing.kind === 'none';
    const body = new BodyReader(bodiless ? { kind: 'none' } : untilEnd ? UNTIL_END : framing);
    const last = untilEnd || announcesEnd(head, old);
    this.#open = { status, interim: this.interim, text, head, body, whole: false, untilEnd, last };
    this.interim = [];
    if (status === 101) this.tunnel = '';
    return this.#takeBody(this.#open);
  }

  #takeBody(open: GotAnswer): boolean {
    this.#rest = open.body.feed(this.#rest);
    this.faults.push(...open.body.faults.splice(0));
    if (!open.body.done) return false;
    this.#finish(open);
    return this.#rest !== '';
  }

  #finish(answer: GotAnswer): void {
    answer.whole = true;
    this.answers.push(answer);
    this.#open = null;
  }
}

const UNTIL_END = { kind: 'counted', length: Number.POSITIVE_INFINITY } as const;

function announcesEnd(head: ReadHead, old: boolean): boolean {
  const words = (joined(head.fields, 'connection') ?? '').toLowerCase().split(',');
  return words.includes('close') || (old && !words.includes('keep-alive'));
}
