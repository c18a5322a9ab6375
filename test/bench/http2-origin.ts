// An origin over HTTP/2 in a process of its own, so that its memory is not ours: node:http2, which is no peer's.

import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { obey } from './script.ts';

export interface OriginOrder {
  readonly do: 'listen' | 'count';
}

export interface OriginReport {
  readonly port: number;
  /** Streams that are open. */
  readonly open: number;
}

/** Does what it is told; `serve` is given each stream and its path. */
export function obeyAsOrigin(serve: (stream: ServerHttp2Stream, path: string) => void): void {
  let open = 0;
  let server: Http2Server | null = null;
  const onStream = (stream: ServerHttp2Stream, path: string) => {
    open++;
    stream.on('close', () => open--);
    // One that its caller gives up ends so.
    stream.on('error', () => {});
    serve(stream, path);
  };
  obey<OriginOrder, OriginReport>(async () => {
    server ??= await listen(onStream);
    return { port: (server.address() as AddressInfo).port, open };
  });
}

async function listen(onStream: (stream: ServerHttp2Stream, path: string) => void): Promise<Http2Server> {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, head) => onStream(stream, head[':path'] ?? ''));
  server.on('sessionError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
