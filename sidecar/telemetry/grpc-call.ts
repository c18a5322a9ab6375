// What is counted of one gRPC call while it is under way: where it counts, and its messages both ways. A message
// is five bytes, a flag and a length, and then so many bytes (gRPC over HTTP/2, "Length-Prefixed-Message"); of
// these only the five are looked at.

import type { GrpcStats } from './cells/grpc.ts';

const PREFIX_BYTES = 5;

export class MessageCounter {
  /** Bytes of the prefix that were there. */
  #seen = 0;
  #length = 0;
  /** Bytes of a message that are still to come. */
  #left = 0;

  /** How many messages begin in these bytes, which follow the ones before. */
  begun(bytes: Uint8Array): number {
    let begun = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      if (this.#seen === 0) begun++;
      else this.#length = this.#length * 256 + (bytes[at] as number);
      at++;
      if (++this.#seen === PREFIX_BYTES) this.#prefixRead();
    }
    return begun;
  }

  #prefixRead(): void {
    this.#left = this.#length;
    this.#length = 0;
    this.#seen = 0;
  }
}

export class GrpcCall {
  readonly cell: GrpcStats;
  /** The filter that counts it: one of its kind in a chain is enough. */
  readonly by: object;
  /** The answer is one of gRPC. */
  answered = false;
  readonly #up = new MessageCounter();
  readonly #down = new MessageCounter();

  constructor(cell: GrpcStats, by: object) {
    this.cell = cell;
    this.by = by;
  }

  requestBytes(bytes: Uint8Array): void {
    this.cell.request_message_count += this.#up.begun(bytes);
  }

  responseBytes(bytes: Uint8Array): void {
    if (this.answered) this.cell.response_message_count += this.#down.begun(bytes);
  }
}
