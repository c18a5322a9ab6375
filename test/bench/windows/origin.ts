// Pours out as much as is asked for, or takes a little of what is sent and then nothing.

import type { ServerHttp2Stream } from 'node:http2';
import { pour } from '../bodies/stream.ts';
import { obeyAsOrigin } from '../http2-origin.ts';

/** Each upload is read so far, and no further (bytes). */
const READS = 64 * 1024;

obeyAsOrigin((stream, path) => {
  const [, verb, size] = path.split('/');
  stream.respond({ ':status': 200 });
  // Its caller gives it up in the end.
  if (verb === 'download') pour(stream, Number(size)).catch(() => {});
  else takeSome(stream);
});

function takeSome(stream: ServerHttp2Stream): void {
  let own = 0;
  stream.on('data', (piece: Buffer) => {
    own += piece.length;
    if (own >= READS) stream.pause();
  });
}
