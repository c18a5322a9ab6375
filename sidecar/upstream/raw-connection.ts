// A connection of a pool that carries the bytes of one CONNECT and nothing else, and is never used again.

import type { RequestHead, ResponseHead } from '../http/head.ts';
import { RawClient, type RawClientHandler } from '../http/raw-client.ts';
import type { HttpStream, StreamReader } from '../http/stream.ts';
import type { Incoming } from '../net/dial.ts';
import { type ConnectionParts, PooledConnection } from './pooled-connection.ts';

export class RawConnection extends PooledConnection implements RawClientHandler {
  readonly version = null;
  #busy = false;
  readonly #client: RawClient;

  constructor(parts: ConnectionParts, incoming: Incoming) {
    super(parts);
    this.#client = new RawClient(parts.socket, incoming, this);
  }

  get busy(): boolean {
    return this.#busy;
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#busy = true;
    this.worn = true;
    this.countRequest();
    return this.#client.open(reader);
  }

  giveBack(): void {
    this.pool.onFree(this);
  }

  wearOut(): void {
    this.worn = true;
    if (!this.#busy) this.end();
  }

  protected destroyCodec(): void {
    this.#client.destroy();
  }
}
