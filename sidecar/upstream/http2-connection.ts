// A pooled connection that serves many requests at once.

import type { Clock } from '../../core/clock.ts';
import { Http2Client, type Http2ClientHandler } from '../http/h2/client.ts';
import type { Flood } from '../http/h2/flood.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { HttpStream, StreamReader } from '../http/stream.ts';
import type { Incoming } from '../net/dial.ts';
import { type ConnectionParts, PooledConnection } from './pooled-connection.ts';

export class Http2Connection extends PooledConnection implements Http2ClientHandler {
  readonly version = 'HTTP/2';
  readonly #client: Http2Client;

  constructor(parts: ConnectionParts, incoming: Incoming, clock: Clock) {
    super(parts);
    parts.stats.upstream_cx_http2_total++;
    const { streamsExpected } = parts.pool;
    this.#client = new Http2Client(parts.socket, incoming, parts.settings.http2, this, clock, streamsExpected);
  }

  get busy(): boolean {
    return this.#client.active > 0;
  }

  /** Another stream may be opened. */
  get hasRoom(): boolean {
    return !this.closed && !this.worn && this.#client.room > 0;
  }

  open(reader: StreamReader<ResponseHead>): HttpStream<RequestHead> {
    const stream = this.#client.open(reader);
    this.stats.http2.streams_active++;
    if (this.countRequest()) this.wearOut();
    return stream;
  }

  giveBack(): void {
    if (!this.busy) this.rest();
    this.pool.onRoom(this);
  }

  wearOut(): void {
    if (this.worn || this.closed) return;
    this.worn = true;
    this.#client.drain();
  }

  protected destroyCodec(): void {
    this.#client.destroy();
  }

  // What the codec says.

  onStreamLimit(most: number): void {
    this.pool.expectStreams(most);
  }

  onRoom(): void {
    if (!this.closed) this.pool.onRoom(this);
  }

  onStreamClosed(): void {
    this.stats.http2.streams_active--;
    if (!this.closed && !this.busy) this.rest();
  }

  onDraining(): void {
    this.worn = true;
    this.pool.onWorn(this);
  }

  onFlood(flood: Flood): void {
    this.stats.http2[flood]++;
  }

  onSilence(): void {
    this.stats.http2.keepalive_timeout++;
  }

  onProtocolError(_reason: string): void {
    this.stats.http2.rx_messaging_error++;
  }
}
