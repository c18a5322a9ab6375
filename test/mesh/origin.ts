// A scripted origin: keeps the bytes of every request, and answers with exactly the bytes it is told.

import { createServer, type Server, type Socket } from 'node:net';

export interface SeenRequest {
  readonly head: string;
  readonly body: string;
  readonly connection: number;
}

/** What to do with one request: the bytes to send, or the socket to do anything with. */
export type Script = (request: SeenRequest, n: number, socket: Socket) => string | Buffer | null;

export interface Origin {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  readonly sockets: readonly Socket[];
  script: Script;
  close(): Promise<void>;
}

/** An answer with a length. */
export function answer(body: string, head = 'HTTP/1.1 200 OK', ...fields: readonly string[]): string {
  return [head, `content-length: ${Buffer.byteLength(body)}`, ...fields, '', body].join('\r\n');
}

export async function startOrigin(script: Script = () => answer('ok')): Promise<Origin> {
  const seen: SeenRequest[] = [];
  const sockets: Socket[] = [];
  const origin = { seen, sockets, script } as { seen: SeenRequest[]; sockets: Socket[]; script: Script };
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = sockets.push(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let request = takeRequest(text); request !== null; request = takeRequest(text)) {
        text = request.rest;
        const entry = { head: request.head, body: request.body, connection };
        const said = origin.script(entry, seen.push(entry), socket);
        if (said !== null) socket.write(said, 'latin1');
      }
    });
  });
  await listen(server);
  const port = (server.address() as { port: number }).port;
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return Object.assign(origin, { port, close });
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function takeRequest(text: string): { head: string; body: string; rest: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end);
  const after = text.slice(end + 4);
  if (/^transfer-encoding: chunked$/im.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(after);
    if (last === null) return null;
    const stop = last.index + last[0].length;
    return { head, body: after.slice(0, stop), rest: after.slice(stop) };
  }
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  return after.length < length ? null : { head, body: after.slice(0, length), rest: after.slice(length) };
}
