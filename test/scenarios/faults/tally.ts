// An origin that keeps count: every request has an id, is written down when it is done, and is answered with
// its own id. tally-program.ts is the same as a process of its own.
//
//   /now       answered at once
//   /after/MS  answered after that time
//   /half/N    a body of N bytes is announced and the half of it sent, then nothing more
//   /halves    as /half, chunked
//   /fail      503

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as TcpServer } from 'node:net';

export interface Tally {
  readonly port: number;
  readonly server: Server;
  /** Id -> how often it was done. */
  readonly executed: ReadonlyMap<string, number>;
  /** Requests that are here now and not answered yet. */
  readonly underWay: number;
  /** No new connections; each kept one ends with its next answer, and never before. */
  drain(): void;
  close(): Promise<void>;
}

/** `book` hears of each request before its answer. */
export async function startTally(port = 0, book: (id: string) => void = () => {}): Promise<Tally> {
  const executed = new Map<string, number>();
  let underWay = 0;
  let draining = false;
  const server = createServer((incoming, response) => {
    const { id, path } = read(incoming);
    underWay++;
    response.on('close', () => underWay--);
    incoming.on('error', () => {});
    incoming.resume().on('end', () => {
      executed.set(id, (executed.get(id) ?? 0) + 1);
      book(id);
      if (draining) response.setHeader('connection', 'close');
      answer(path, id, response);
    });
  });
  // Kept connections outlive every limit of their clients, unless a test says otherwise.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    executed,
    get underWay() {
      return underWay;
    },
    drain() {
      draining = true;
      // The HTTP server's own close() ends idle connections as well.
      TcpServer.prototype.close.call(server);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function read({ url = '' }: IncomingMessage): { path: string; id: string } {
  const [path = '', query = ''] = url.split('?');
  return { path, id: query.replace(/^id=/, '') };
}

function answer(path: string, id: string, response: ServerResponse): void {
  const [, kind, number = ''] = path.split('/');
  if (kind === 'after') {
    // Whoever asks for a very long time does not hold up the end of the test.
    setTimeout(() => response.end(id), Number(number)).unref();
  } else if (kind === 'half') {
    response.writeHead(200, { 'content-length': number }).write('x'.repeat(Number(number) / 2));
  } else if (kind === 'halves') {
    response.writeHead(200).write('x'.repeat(1000));
  } else {
    response.writeHead(kind === 'fail' ? 503 : 200, { 'content-length': String(id.length) }).end(id);
  }
}
