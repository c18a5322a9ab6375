// A connection to a listener that answers by itself. The proxies have one worker: who has had two answers
// knows that what was sent before the first question was read. (Two: the first may be given in the same
// round in which a new connection is only accepted.)

import { connect, type Socket } from 'node:net';

const QUESTION = 'GET / HTTP/1.1\r\nhost: sync\r\n\r\n';
const ROUNDS = 2;

export class SyncConnection {
  #received = '';
  #answered: () => void = () => {};
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => this.#answered());
    socket.on('close', () => this.#answered());
    socket.on('data', (bytes) => {
      this.#received += bytes.toString('latin1');
      if (!this.#received.endsWith('\r\n\r\n')) return;
      this.#received = '';
      this.#answered();
    });
  }

  static open(port: number): Promise<SyncConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => resolve(new SyncConnection(socket)));
    });
  }

  async settle(): Promise<void> {
    for (let i = 0; i < ROUNDS; i++) await this.#ask();
  }

  #ask(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write(QUESTION);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
