// What the shop's small programs share: a JSON server, calls into the mesh, and what a sidecar says of the
// caller. Nothing here knows of certificates: that is the sidecar's work.

import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: unknown;
}

/** An answer without an end: server-sent events for as long as they are read. */
export interface Events {
  /** Begins to tell, and returns what stops it. */
  start(tell: (event: unknown) => void, ended: () => void): () => void;
}

export type Handler = (path: string, headers: IncomingMessage['headers']) => Answer | Events | Promise<Answer | Events>;

/** Who called and who we are, as our sidecar wrote it into x-forwarded-client-cert. */
export function parties(headers: Readonly<Record<string, unknown>>): {
  readonly caller: string;
  readonly self: string;
} {
  const text = String(headers['x-forwarded-client-cert'] ?? '');
  const part = (name: string) => new RegExp(`(?:^|;)${name}=([^;,]+)`).exec(text)?.[1] ?? '';
  return { caller: part('URI'), self: part('By') };
}

function send(response: ServerResponse, { status = 200, type = 'application/json', body }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendEvents(response: ServerResponse, { start }: Events): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const stop = start(
    (event) => {
      // A reader that does not keep up misses some, instead of having them wait here.
      if (!response.writableNeedDrain) response.write(`data: ${JSON.stringify(event)}\n\n`);
    },
    () => response.end(),
  );
  response.on('close', stop);
}

/** Serves on $PORT at $BIND (127.0.0.1), until SIGTERM. */
export function serve(name: string, handle: Handler): Server {
  const server = createServer((incoming, response) => {
    void Promise.resolve()
      .then(() => handle(incoming.url ?? '/', incoming.headers))
      .catch((error: Error): Answer => ({ status: 502, body: { error: error.message } }))
      .then((answer) => ('start' in answer ? sendEvents(response, answer) : send(response, answer)));
  });
  server.keepAliveTimeout = 65_000;
  server.listen(Number(process.env['PORT'] ?? 0), process.env['BIND'] ?? '127.0.0.1', () => {
    process.stdout.write(`${name} is ready\n`);
  });
  process.on('SIGTERM', () => server.close(() => process.exit(0)));
  return server;
}

export interface Fetched {
  readonly status: number;
  readonly body: unknown;
  readonly ms: number;
}

/** A call to a service of the mesh by name, through the sidecar at $MESH. */
export function callService(
  service: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Fetched> {
  const mesh = new URL(process.env['MESH'] ?? 'http://127.0.0.1:15001');
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const call = request(
      { host: mesh.hostname, port: mesh.port, path, headers: { host: service, ...headers } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          const json = String(response.headers['content-type']).startsWith('application/json');
          resolve({
            status: response.statusCode ?? 0,
            body: json ? JSON.parse(text) : text,
            ms: performance.now() - started,
          });
        });
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end();
  });
}
