// Pours out as much as is asked for, or takes what is sent until it is told to stop: node:http2, in a process of its
// own, so that its memory is not ours.

import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { pour } from '../bodies/stream.ts';
import { obey } from '../script.ts';

export interface OriginOrder {
  readonly do: 'listen' | 'count';
}

export interface OriginReport {
  readonly port: number;
  /** Streams that are open. */
  readonly open: number;
}

/** Each upload is read so far, and no further (bytes). */
const READS = 64 * 1024;

let open = 0;
let server: Http2Server | null = null;

function serve(stream: ServerHttp2Stream, path: string): void {
  open++;
  stream.on('close', () => open--);
  // Its caller gave it up.
  stream.on('error', () => {});
  const [, verb, size] = path.split('/');
  stream.respond({ ':status': 200 });
  if (verb === 'download') pour(stream, Number(size)).catch(() => {});
  else takeSome(stream);
}

function takeSome(stream: ServerHttp2Stream): void {
  let own = 0;
  stream.on('data', (piece: Buffer) => {
    own += piece.length;
    if (own >= READS) stream.pause();
  });
}

async function listen(): Promise<Http2Server> {
  const made = createServer();
  made.on('stream', (stream: ServerHttp2Stream, head) => serve(stream, head[':path'] ?? ''));
  made.on('sessionError', () => {});
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
}

obey<OriginOrder, OriginReport>(async () => {
  server ??= await listen();
  return { port: (server.address() as AddressInfo).port, open };
});
