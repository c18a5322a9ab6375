// Answers each call with a head and one message, and leaves it open: node:http2, which is neither peer's.

import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { GRPC_MESSAGE } from '../peers/nghttpd.ts';
import { obey } from '../script.ts';

export interface OriginOrder {
  readonly do: 'listen' | 'count';
}

export interface OriginReport {
  readonly port: number;
  /** Calls that are open. */
  readonly open: number;
}

const MOST_STREAMS = 1000;

let open = 0;
let server: Http2Server | null = null;

async function listen(): Promise<Http2Server> {
  const made = createServer({ settings: { maxConcurrentStreams: MOST_STREAMS } });
  made.on('stream', (stream: ServerHttp2Stream) => {
    open++;
    stream.on('close', () => open--);
    // A call that its caller gives up ends so.
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(GRPC_MESSAGE);
  });
  made.on('sessionError', () => {});
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
}

obey<OriginOrder, OriginReport>(async () => {
  server ??= await listen();
  return { port: (server.address() as AddressInfo).port, open };
});
