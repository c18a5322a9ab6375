// One end of a connection in memory, for a session of node:http2 at it: what it sends is kept in `sent` and
// told, and `push` is what comes from us.

import { Duplex } from 'node:stream';

export class MemoryDuplex extends Duplex {
  onSent: (bytes: Buffer) => void = () => {};

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.onSent(bytes);
    done();
  }
}
