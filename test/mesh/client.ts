// A raw client: sends bytes in the pieces it is told, and reads until it has seen enough.

import { connect, type Socket } from 'node:net';

export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  readonly received: string;
  readonly closed: boolean;
  send(...pieces: readonly (string | Buffer)[]): Promise<void>;
  /** Resolves when the text stands in what was received, or the connection ended; rejects after the limit. */
  until(good: (received: string) => boolean, limitMs?: number): Promise<string>;
  ended(): Promise<string>;
  close(): void;
}

const LIMIT_MS = 5000;

export async function openClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return rawClient(socket);
}

/** The same on a connection that is there, TLS or not. */
export function rawClient(socket: Socket): RawClient {
  return new Client(socket);
}

class Client implements RawClient {
  received = '';
  closed = false;
  readonly socket: Socket;
  #changed: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
      this.#changed();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  async send(...pieces: readonly (string | Buffer)[]): Promise<void> {
    for (const piece of pieces) {
      this.socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      // Each piece is a packet of its own.
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  until(good: (received: string) => boolean, limitMs = LIMIT_MS): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not seen in time; received ${JSON.stringify(this.received)}`)),
        limitMs,
      );
      this.#changed = () => {
        if (!good(this.received) && !this.closed) return;
        clearTimeout(timer);
        resolve(this.received);
      };
      this.#changed();
    });
  }

  ended(): Promise<string> {
    return this.until(() => this.closed);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Sends one text in the given pieces on a connection of its own, and reads the answer to its end. */
export async function exchange(
  port: number,
  pieces: readonly string[],
  good: (received: string) => boolean,
): Promise<string> {
  const client = await openClient(port);
  try {
    await client.send(...pieces);
    return await client.until(good);
  } finally {
    client.close();
  }
}

/** Every way to cut a text in two, and the text byte by byte. */
export function splits(text: string): string[][] {
  const two = Array.from({ length: text.length - 1 }, (_, i) => [text.slice(0, i + 1), text.slice(i + 1)]);
  return [[text], ...two, [...text]];
}
