// A hundred streams on one connection: downloads that are read a little and then not at all, or uploads that go on
// for as long as they are taken.

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { pour } from '../bodies/stream.ts';
import { obey } from '../script.ts';

export interface CallerOrder {
  readonly do: 'download' | 'upload' | 'count' | 'leave';
  readonly port: number;
  readonly streams: number;
  /** Of each body. */
  readonly bytes: number;
}

export interface CallerReport {
  /** Bytes of the connection, either way. */
  readonly moved: number;
  /** Streams that ended by themselves, which none should. */
  readonly lost: number;
}

/** Each download is read so far, and no further (bytes). */
const READS = 64 * 1024;
/** Of a stream and of all together, so that it is the proxy that holds back and not this side (bytes). */
const WINDOW = 1024 * 1024;

let session: ClientHttp2Session | null = null;
let lost = 0;

async function open(port: number): Promise<ClientHttp2Session> {
  const made = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: READS } });
  await new Promise<void>((resolve, reject) => {
    made.once('remoteSettings', () => resolve());
    made.once('error', reject);
  });
  made.setLocalWindowSize(100 * WINDOW);
  return made;
}

function watch(stream: ClientHttp2Stream, own: ClientHttp2Session): void {
  stream.on('close', () => {
    if (!own.destroyed) lost++;
  });
  stream.on('error', () => {});
}

function download(own: ClientHttp2Session, bytes: number): void {
  const stream = own.request({ ':path': `/download/${bytes}` });
  watch(stream, own);
  let read = 0;
  stream.on('data', (piece: Buffer) => {
    read += piece.length;
    if (read >= READS) stream.pause();
  });
}

function upload(own: ClientHttp2Session, bytes: number): void {
  const stream = own.request({ ':method': 'PUT', ':path': '/upload', 'content-length': bytes });
  watch(stream, own);
  stream.resume();
  pour(stream, bytes).catch(() => {});
}

obey<CallerOrder, CallerReport>(async (order) => {
  if (order.do === 'leave') {
    session?.destroy();
    session = null;
  } else if (order.do !== 'count') {
    session = await open(order.port);
    for (let i = 0; i < order.streams; i++) (order.do === 'download' ? download : upload)(session, order.bytes);
  }
  return { moved: session === null ? 0 : session.socket.bytesRead + session.socket.bytesWritten, lost };
});
