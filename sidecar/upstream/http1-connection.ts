// A pooled connection that serves one request at a time.

import { Http1Client, type Http1ClientHandler } from '../http/h1/client.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { HttpStream, StreamReader } from '../http/stream.ts';
import type { Incoming } from '../net/dial.ts';
import { type ConnectionParts, PooledConnection } from './pooled-connection.ts';

export class Http1Connection extends PooledConnection implements Http1ClientHandler {
  readonly version = 'HTTP/1.1';
  #busy = false;
  readonly #client: Http1Client;

  constructor(parts: ConnectionParts, incoming: Incoming) {
    super(parts);
    parts.stats.upstream_cx_http1_total++;
    this.#client = new Http1Client(parts.socket, incoming, parts.settings.codec, this);
  }

  get busy(): boolean {
    return this.#busy;
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    this.#busy = true;
    if (this.countRequest()) this.worn = true;
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

  onFree(): void {
    if (this.closed) return;
    this.#busy = false;
    if (this.worn) this.end();
    else this.pool.onFree(this);
  }
}
