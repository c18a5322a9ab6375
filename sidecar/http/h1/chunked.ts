// The chunked transfer coding, read and written, exact to the byte (RFC 9112 7.1; robustness.md rows K).
//
//        size line            data          CRLF         0, trailers
//   SIZE ---------> DATA ------------> AFTER ----> SIZE ... ---> TRAILERS ---> DONE
//
// Each state may be entered and left at any byte: input arrives in pieces of any size.

import type { HeaderList } from '../head.ts';
import { FAULT, type Fault, scanFault } from './fault.ts';
import { HeadScan } from './head-scan.ts';
import { type HeadLimits, readFields } from './fields.ts';

export interface ChunkSink {
  onData(chunk: Buffer, end: boolean): void;
  onTrailers(trailers: HeaderList): void;
}

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const AFTER_CR = 4;
const AFTER_LF = 5;
const TRAILERS = 6;
const DONE = 7;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

const MAX_SIZE_DIGITS = 16;
const MAX_EXTENSION_BYTES = 256;
const MAX_EXTENSIONS_BYTES = 4096;
/** Framing may weigh 16 times the data, once it is more than this. */
const OVERHEAD_GRACE_BYTES = 16 * 1024;
const MAX_OVERHEAD = 16;

const EMPTY = Buffer.alloc(0);

/** Trailer fields that would change framing, routing or identity: never passed on (RFC 9110 6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'content-type',
  'content-encoding',
  'content-range',
  'trailer',
  'te',
  'connection',
  'expect',
  'upgrade',
  'forwarded',
  'via',
  'x-real-ip',
  'x-request-id',
  'traceparent',
  'tracestate',
]);

/** Words of proxies to each other: of each such name, whatever follows. */
const NOT_IN_TRAILERS_FROM = ['x-forwarded-', 'x-envoy-', 'proxy-'];

function mayBeTrailer(name: string): boolean {
  return !NOT_IN_TRAILERS.has(name) && !NOT_IN_TRAILERS_FROM.some((start) => name.startsWith(start));
}

export class ChunkedReader {
  fault: Fault | null = null;
  #state = SIZE;
  #digits = 0;
  #left = 0;
  #extension = 0;
  #extensions = 0;
  #overhead = 0;
  #data = 0;
  #trailers = '';
  #held: Buffer | null = null;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Bytes of framing seen so far, size lines and trailers. */
  get framingBytes(): number {
    return this.#overhead;
  }

  /**
   * Reads from `at`; returns where it stopped: the end of the buffer, the first byte after the body, or -1
   * after a fault. The last piece of data in a buffer is held until it is known whether the body ends with it.
   */
  read(bytes: Buffer, at: number, sink: ChunkSink): number {
    while (at < bytes.length && this.#state !== DONE && this.fault === null) {
      at =
        this.#state === DATA
          ? this.#takeData(bytes, at, sink)
          : this.#state === TRAILERS
            ? this.#takeTrailers(bytes, at, sink)
            : this.#takeFraming(bytes, at);
    }
    // Also ahead of a fault, or what is told would depend on where the bytes were cut.
    this.#release(sink, false);
    return this.fault === null ? at : -1;
  }

  #release(sink: ChunkSink, end: boolean): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) sink.onData(held, end);
    else if (end) sink.onData(EMPTY, true);
  }

  #takeData(bytes: Buffer, at: number, sink: ChunkSink): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#release(sink, false);
    this.#held = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
    this.#data += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#state = AFTER_CR;
    return end;
  }

  #takeFraming(bytes: Buffer, at: number): number {
    const code = bytes[at] as number;
    this.#overhead++;
    switch (this.#state) {
      case SIZE:
        this.#sizeByte(code);
        break;
      case EXTENSION:
        this.#extensionByte(code);
        break;
      case SIZE_LF:
        if (code !== LF) this.fault = FAULT.chunk;
        else this.#sizeDone();
        break;
      case AFTER_CR:
        if (code !== CR) this.fault = FAULT.chunk;
        else this.#state = AFTER_LF;
        break;
      default:
        if (code !== LF) this.fault = FAULT.chunk;
        else this.#startSize();
    }
    return at + 1;
  }

  #startSize(): void {
    this.#state = SIZE;
    this.#digits = 0;
    this.#left = 0;
    this.#extension = 0;
    if (this.#overhead > OVERHEAD_GRACE_BYTES && this.#overhead > MAX_OVERHEAD * this.#data)
      this.fault = FAULT.chunkOverhead;
  }

  #sizeByte(code: number): void {
    const digit = hexDigit(code);
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      if (++this.#digits > MAX_SIZE_DIGITS || this.#left > Number.MAX_SAFE_INTEGER) this.fault = FAULT.chunk;
    } else if (this.#digits === 0 || (code !== CR && code !== SEMICOLON)) {
      this.fault = FAULT.chunk;
    } else {
      this.#state = code === CR ? SIZE_LF : EXTENSION;
    }
  }

  /** Extensions are read past and never forwarded. */
  #extensionByte(code: number): void {
    if (code === CR) {
      this.#state = SIZE_LF;
      return;
    }
    this.#extensions++;
    if (++this.#extension > MAX_EXTENSION_BYTES || this.#extensions > MAX_EXTENSIONS_BYTES)
      this.fault = FAULT.chunkOverhead;
    if ((code < 32 && code !== 9) || code === 127) this.fault = FAULT.chunk;
  }

  #sizeDone(): void {
    if (this.#left > 0) this.#state = DATA;
    else this.#state = TRAILERS;
  }

  #takeTrailers(bytes: Buffer, at: number, sink: ChunkSink): number {
    // The usual end: nothing but the empty line.
    if (this.#trailers === '' && bytes[at] === CR && bytes[at + 1] === LF) {
      this.#overhead += 2;
      return this.#finish('', sink, at + 2);
    }
    const before = this.#trailers.length;
    const most = this.#limits.maxHeadersBytes;
    this.#trailers += bytes.toString('latin1', at, Math.min(bytes.length, at + most + 1 - before));
    const empty = this.#trailers.startsWith('\r\n');
    const end = empty ? 0 : this.#trailers.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end === -1) return this.#trailersGoOn(bytes);
    const length = empty ? 2 : end + 4;
    if (length > most) return this.#trailersGoOn(bytes);
    this.#overhead += length - before;
    return this.#finish(this.#trailers.slice(0, end), sink, at + length - before);
  }

  #trailersGoOn(bytes: Buffer): number {
    if (this.#trailers.length > this.#limits.maxHeadersBytes) this.fault = FAULT.trailersTooLarge;
    return bytes.length;
  }

  #finish(text: string, sink: ChunkSink, at: number): number {
    const trailers = this.#parseTrailers(text);
    if (trailers === null) return at;
    this.#state = DONE;
    if (trailers.length === 0) {
      this.#release(sink, true);
    } else {
      this.#release(sink, false);
      sink.onTrailers(trailers);
    }
    return at;
  }

  #parseTrailers(text: string): HeaderList | null {
    if (text === '') return [];
    const scan = new HeadScan();
    const bytes = Buffer.from(`${text}\r\n\r\n`, 'latin1');
    const met = scan.run(bytes, 0, bytes.length, this.#limits.maxHeadersCount);
    if (met < 0) {
      this.fault = scanFault(met);
      return null;
    }
    const found = readFields(text, scan, 0, this.#limits);
    if ('reason' in found) {
      this.fault = found;
      return null;
    }
    return found.headers.filter((_, i, all) => mayBeTrailer(all[i & ~1] as string));
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The line before a chunk of `length` bytes. */
export function chunkHead(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** The last chunk with its trailers. */
export function chunkedEnd(trailers: readonly string[]): string {
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
  return `${text}\r\n`;
}
