// The first bytes of a connection whose client may speak either version of HTTP: those of HTTP/2 begin with a
// preface that is no request of HTTP/1 (RFC 9113 3.4). Until that is known this stands in the place of the codec.

import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { PREFACE } from './h2/frames/frame-types.ts';
import type { ServerCodec } from './server.ts';

export interface FirstBytesOptions {
  /** Without a byte for so long the connection ends (milliseconds). 0: never. */
  readonly idleTimeoutMs: number;
  readonly drainTimeoutMs: number;
}

export interface FirstBytesHandler {
  /** The codec of that version is to take over, and to be given these bytes. */
  onVersion(version: 'http1' | 'http2', bytes: Buffer): void;
  onIdle(): void;
  /** It ended before. */
  onClose(by: 'local' | 'remote'): void;
}

/** Between the first byte of a preface and its last (robustness.md X15). */
const PREFACE_MS = 10_000;

export class FirstBytes implements ServerCodec {
  /** Bytes of the preface that were seen. */
  #seen = 0;
  #byUs = false;
  #timer: Timer | null = null;
  readonly #socket: Socket;
  readonly #options: FirstBytesOptions;
  readonly #handler: FirstBytesHandler;
  readonly #clock: Clock;

  constructor(socket: Socket, options: FirstBytesOptions, handler: FirstBytesHandler, clock: Clock) {
    this.#socket = socket;
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    socket.on('data', this.#onData);
    socket.on('end', this.#onGone);
    socket.on('error', this.#onGone);
    socket.on('close', this.#onClose);
    if (options.idleTimeoutMs > 0) this.#timer = clock.after(options.idleTimeoutMs, () => this.#onIdle());
  }

  accept(bytes: Buffer): void {
    this.#onData(bytes);
  }

  readonly #onData = (bytes: Buffer): void => {
    const before = this.#seen;
    const end = Math.min(bytes.length, PREFACE.length - before);
    let at = 0;
    while (at < end && bytes[at] === PREFACE[before + at]) at++;
    this.#seen = before + at;
    if (at < end) this.#decide('http1', before, bytes);
    else if (this.#seen === PREFACE.length) this.#decide('http2', before, bytes);
    else this.#waitForRest();
  };

  #waitForRest(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(PREFACE_MS, () => this.destroy());
  }

  #decide(version: 'http1' | 'http2', before: number, bytes: Buffer): void {
    this.#detach();
    this.#handler.onVersion(version, before === 0 ? bytes : Buffer.concat([PREFACE.subarray(0, before), bytes]));
  }

  #detach(): void {
    this.#timer?.cancel();
    this.#socket.removeListener('data', this.#onData);
    this.#socket.removeListener('end', this.#onGone);
    this.#socket.removeListener('error', this.#onGone);
    this.#socket.removeListener('close', this.#onClose);
  }

  #onIdle(): void {
    this.#handler.onIdle();
    this.destroy();
  }

  readonly #onGone = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#timer?.cancel();
    this.#handler.onClose(this.#byUs ? 'local' : 'remote');
  };

  drain(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#options.drainTimeoutMs, () => this.destroy());
  }

  retire(): void {
    this.drain();
  }

  destroy(): void {
    this.#byUs = true;
    this.#socket.destroy();
  }
}
