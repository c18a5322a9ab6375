// The one place that knows how the HTTP/1 codecs are made and used. What the fuzz targets see of them is
// here: a server or client on an in-memory socket, their readers, and the shapes of heads.

import type { Clock, Timer } from '../../../core/clock.ts';
import { FAILURE, ProxyError } from '../../../sidecar/errors.ts';
import { Http1Client, type Http1ClientHandler, type Http1ClientOptions } from '../../../sidecar/http/h1/client.ts';
import { Http1Server } from '../../../sidecar/http/h1/server.ts';
import type { Http1ServerOptions } from '../../../sidecar/http/h1/server-options.ts';
import type { ConnectionLimit, RequestReader, ServerHandler } from '../../../sidecar/http/server.ts';
import type { HttpStream, StreamReader } from '../../../sidecar/http/stream.ts';
import { LENT, type MemorySocket } from './memory-socket.ts';

export type { Fault } from '../../../sidecar/http/h1/fault.ts';
export { repetition } from '../../../sidecar/http/h1/repeated.ts';
export type { HeaderList, RequestHead, ResponseHead } from '../../../sidecar/http/head.ts';
export type { ProxyError } from '../../../sidecar/errors.ts';
export type {
  ConnectionLimit,
  Http1ClientHandler,
  Http1ClientOptions,
  ServerHandler,
  Http1ServerOptions,
  HttpStream,
  RequestReader,
  StreamReader,
};

/** What a listener has that says nothing about HTTP/1. */
export const SERVER_OPTIONS: Http1ServerOptions = {
  scheme: 'http',
  maxHeadersCount: 100,
  maxHeadersBytes: 60 * 1024,
  underscores: 'allow',
  acceptHttp10: false,
  customMethods: false,
  enableTrailers: false,
  headerCase: 'lower',
  delayedCloseMs: 1000,
  idleTimeoutMs: 3_600_000,
  drainTimeoutMs: 5000,
  requestHeadersTimeoutMs: 0,
  maxConnectionDurationMs: 0,
  maxRequests: 0,
};

/** What a cluster has that says nothing about HTTP/1. */
export const CLIENT_OPTIONS: Http1ClientOptions = {
  maxHeadersCount: 100,
  maxHeadersBytes: 80 * 1024,
  underscores: 'allow',
  enableTrailers: false,
  headerCase: 'lower',
  secure: false,
};

/** Time stands still; what is set to happen later can be counted. */
export class StoppedClock implements Clock {
  pending = 0;

  now(): number {
    return 1000;
  }

  turn(): number {
    return 1000;
  }

  turnWall(): number {
    return this.wall();
  }

  wall(): number {
    return 1000;
  }

  random(): number {
    return 0.5;
  }

  after(): Timer {
    let set = true;
    this.pending++;
    const cancel = () => {
      if (set) this.pending--;
      set = false;
    };
    return { cancel, refresh: () => {} };
  }

  deadline(): Timer {
    return this.after();
  }
}

export function openServer(
  socket: MemorySocket,
  options: Http1ServerOptions,
  handler: ServerHandler,
  clock: Clock,
): void {
  new Http1Server(socket.asSocket, options, handler, clock);
}

/** `lent`: bytes come in memory that is used again by the next read, as from a plain connection. */
export function openClient(
  socket: MemorySocket,
  lent: boolean,
  options: Http1ClientOptions,
  handler: Http1ClientHandler,
): Pick<Http1Client, 'open'> {
  const onBytes = (take: (bytes: Buffer) => void) => {
    if (lent) socket.lendTo(take);
    else socket.on('data', take);
  };
  return new Http1Client(socket.asSocket, { lent: lent ? LENT : null, onBytes }, options, handler);
}

/** `more`: data follows before the caller returns, and the head may wait for it. */
export function sendHead<H>(stream: HttpStream<H>, head: H, end: boolean, more = false): void {
  stream.sendHead(head, end, more);
}

/** Why an exchange is given up by whoever reads it. */
export function givenUp(): ProxyError {
  return new ProxyError(FAILURE.downstreamProtocol, { context: 'given up' });
}
