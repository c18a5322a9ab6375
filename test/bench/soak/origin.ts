// The origin of the soak's pair: says back what it was sent, fails where it is asked to, answers in pieces.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What /pieces answers, and how. */
export const PIECE = Buffer.alloc(16 * 1024, 'fairlead ');
export const PIECES = 16;
const SLOW_PIECES = 10;
const BETWEEN_MS = 100;

export class SoakOrigin {
  readonly #server: Server = createServer((asked, response) => {
    // Whoever aborts is gone from here too; that is no error of ours.
    asked.on('error', () => response.destroy());
    void answer(asked, response).catch(() => response.destroy());
  });

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (asked.url) {
    case '/digest': {
      const hash = createHash('sha256');
      for await (const piece of asked) hash.update(piece as Buffer);
      response.end(hash.digest('hex'));
      return;
    }
    case '/fault':
      response.writeHead(500).end('a fault of the origin');
      return;
    case '/broken':
      response.writeHead(200, { 'content-length': 1000 }).write('half');
      await pause(BETWEEN_MS);
      response.destroy();
      return;
    case '/pieces':
      for (let i = 0; i < PIECES; i++) response.write(PIECE);
      response.end();
      return;
    case '/slow':
      for (let i = 0; i < SLOW_PIECES && !response.destroyed; i++) {
        response.write(PIECE);
        await pause(BETWEEN_MS);
      }
      response.end();
      return;
    default:
      response.end('here');
  }
}
