// Bodies of any size, made and swallowed as fast as the other side lets: an origin, and a client for each way.

import { createServer, type Server, type Socket } from 'node:net';
import { openClient, type RawClient } from '../../mesh/client.ts';

const PIECE = Buffer.alloc(64 * 1024, 120);

/** Writes `size` bytes as the socket takes them. Resolves when all are handed over, or the socket is gone. */
export function pour(socket: Socket, size: number, onHanded: (bytes: number) => void = () => {}): Promise<void> {
  return new Promise((resolve) => {
    let left = size;
    const more = () => {
      while (left > 0 && !socket.destroyed) {
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        left -= piece.length;
        onHanded(piece.length);
        if (!socket.write(piece) && left > 0) {
          socket.once('drain', more);
          return;
        }
      }
      resolve();
    };
    socket.once('close', () => resolve());
    more();
  });
}

export interface FloodOrigin {
  readonly port: number;
  /** Bytes of answers handed to the system, and bytes of requests read. */
  readonly sent: number;
  readonly received: number;
  /** Stops or goes on reading what comes. */
  reading(on: boolean): void;
  close(): Promise<void>;
}

/** `GET /SIZE` is answered with so many bytes; a POST is read, and answered with `done` at its end. */
export async function startFlood(): Promise<FloodOrigin> {
  const sockets = new Set<Socket>();
  const state = { sent: 0, received: 0, reads: true };
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let left = -1;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      state.received += bytes.length;
      if (left < 0) {
        const text = bytes.toString('latin1');
        const size = Number(/^GET \/(\d+)/.exec(text)?.[1] ?? -1);
        if (size >= 0) {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
          void pour(socket, size, (handed) => {
            state.sent += handed;
          });
          return;
        }
        left = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0) + text.indexOf('\r\n\r\n') + 4;
      }
      left -= bytes.length;
      if (left === 0) {
        left = -1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone');
      }
    });
    if (!state.reads) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get sent() {
      return state.sent;
    },
    get received() {
      return state.received;
    },
    reading(on) {
      state.reads = on;
      for (const socket of sockets) on ? socket.resume() : socket.pause();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

export interface Download {
  readonly client: RawClient;
  readonly bytes: number;
  /** Resolves when head and body are here. */
  readonly done: Promise<void>;
}

/** Asks for so many bytes, and counts them without keeping them. */
export async function download(port: number, size: number): Promise<Download> {
  const client = await openClient(port);
  client.socket.removeAllListeners('data');
  let bytes = 0;
  const done = new Promise<void>((resolve, reject) => {
    client.socket.on('data', (piece) => {
      bytes += piece.length;
      if (bytes > size) resolve();
    });
    client.socket.on('close', () => reject(new Error(`closed after ${bytes} bytes`)));
  });
  done.catch(() => {});
  await client.send(`GET /${size} HTTP/1.1\r\nhost: a\r\n\r\n`);
  return {
    client,
    get bytes() {
      return bytes;
    },
    done,
  };
}

export interface Upload {
  readonly client: RawClient;
  /** Bytes that the system took. */
  readonly handed: number;
}

export async function upload(port: number, size: number): Promise<Upload> {
  const client = await openClient(port);
  let handed = 0;
  await client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  void pour(client.socket, size, (bytes) => {
    handed += bytes;
  });
  return {
    client,
    get handed() {
      return handed;
    },
  };
}

/** Resolves when the figure has not moved for a while. */
export async function still(figure: () => number, quietMs = 400): Promise<number> {
  for (let before = -1; before !== figure(); ) {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, quietMs));
  }
  return figure();
}
