// A body as it comes in pieces, counted or chunked, exact to the byte. Used by both ends of the runner.

import { type Framing, readFields } from './head-reader.ts';

const SIZE = /^([0-9A-Fa-f]{1,16})\r\n/;
const LONGEST_SIZE_LINE = 18;

export class BodyReader {
  /** Decoded so far. */
  body = '';
  trailers: ReadonlyMap<string, readonly string[]> = new Map();
  done = false;
  readonly faults: string[] = [];
  #rest = '';
  #left = 0;
  #state: 'size' | 'data' | 'after' | 'trailers' = 'size';
  readonly #framing: Framing;

  constructor(framing: Framing) {
    this.#framing = framing;
    this.#left = framing.kind === 'counted' ? framing.length : 0;
    this.done = framing.kind === 'none' || (framing.kind === 'counted' && framing.length === 0);
  }

  /** Returns what comes after the body. */
  feed(text: string): string {
    if (this.done) return text;
    this.#rest += text;
    if (this.#framing.kind === 'counted') this.done = this.#takeData();
    else while (!this.done && this.faults.length === 0 && this.#step());
    if (!this.done) return '';
    const rest = this.#rest;
    this.#rest = '';
    return rest;
  }

  #step(): boolean {
    if (this.#state === 'size') return this.#takeSize();
    if (this.#state === 'trailers') return this.#takeTrailers();
    if (this.#state === 'after') return this.#takeLineEnd();
    if (!this.#takeData()) return false;
    this.#state = 'after';
    return true;
  }

  /** true: the last byte is there. */
  #takeData(): boolean {
    const piece = this.#rest.slice(0, this.#left);
    this.body += piece;
    this.#left -= piece.length;
    this.#rest = this.#rest.slice(piece.length);
    return this.#left === 0;
  }

  #takeSize(): boolean {
    const [line = '', size = ''] = SIZE.exec(this.#rest) ?? [];
    if (line === '') return this.#noSize();
    this.#rest = this.#rest.slice(line.length);
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return true;
  }

  #noSize(): boolean {
    if (this.#rest.includes('\n') || this.#rest.length > LONGEST_SIZE_LINE)
      this.faults.push(`no chunk size: ${JSON.stringify(this.#rest.slice(0, 40))}`);
    return false;
  }

  #takeLineEnd(): boolean {
    if (this.#rest.length < 2) return false;
    if (!this.#rest.startsWith('\r\n')) this.faults.push('chunk data is not followed by CRLF');
    this.#rest = this.#rest.slice(2);
    this.#state = 'size';
    return true;
  }

  #takeTrailers(): boolean {
    const end = this.#rest.startsWith('\r\n') ? 0 : this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const { fields, faults } = readFields(end === 0 ? [] : this.#rest.slice(0, end).split('\r\n'));
    this.trailers = fields;
    this.faults.push(...faults);
    this.#rest = this.#rest.slice(end + (end === 0 ? 2 : 4));
    this.done = true;
    return false;
  }
}
