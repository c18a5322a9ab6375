// Opens calls of server streams, a hundred on a connection, and holds them: each has had its first message.

import { type ClientHttp2Session, connect } from 'node:http2';
import { GRPC_MESSAGE, GRPC_PATH } from '../peers/nghttpd.ts';
import { obey } from '../script.ts';

export interface CallerOrder {
  readonly port: number;
  /** As many are open when it is done; 0: all are given up. */
  readonly calls: number;
}

export interface CallerReport {
  readonly open: number;
  /** Ended by the other side. */
  readonly lost: number;
}

const CALLS_PER_CONNECTION = 100;

const sessions: ClientHttp2Session[] = [];
let open = 0;
let lost = 0;

function call(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const fields = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': GRPC_PATH, ...fields });
    stream.on('response', (head) => {
      if (head[':status'] !== 200) reject(new Error(`a call was answered with ${head[':status']}`));
    });
    stream.once('data', () => {
      open++;
      resolve();
    });
    stream.on('close', () => {
      if (!session.destroyed) lost++;
    });
    stream.on('error', reject);
    stream.end(GRPC_MESSAGE);
  });
}

async function openConnection(port: number, calls: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  sessions.push(session);
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve());
    session.once('error', reject);
  });
  await Promise.all(Array.from({ length: calls }, () => call(session)));
}

function leave(): void {
  for (const session of sessions.splice(0)) session.destroy();
  open = 0;
}

obey<CallerOrder, CallerReport>(async ({ port, calls }) => {
  if (calls === 0) leave();
  while (open < calls) await openConnection(port, Math.min(CALLS_PER_CONNECTION, calls - open));
  return { open, lost };
});
