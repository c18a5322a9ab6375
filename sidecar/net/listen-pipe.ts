// Listening at a Unix socket. What a process that is gone left there is replaced, as Envoy does; a socket at which
// somebody still listens, and a file that is no socket, are not.

import { chmodSync, existsSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { pipePath } from '../../core/addresses.ts';

export interface PipeOptions {
  /** A path, or `@name` (core/addresses.ts). */
  readonly host: string;
  /** Permissions of the file; 0: as the umask leaves them. */
  readonly mode: number;
  readonly backlog: number;
}

/** Rejects with the reason. Closing the server takes its file away. */
export async function listenAtPipe(options: PipeOptions, onConnection: (socket: Socket) => void): Promise<Server> {
  const { host } = options;
  try {
    return await bind(options, onConnection);
  } catch (error) {
    throwIfFolderIsMissing(host, error as Error);
    if (host.startsWith('@') || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  }
  await removeStale(host);
  return bind(options, onConnection);
}

function bind({ host, mode, backlog }: PipeOptions, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, onConnection);
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.once('error', reject);
  server.listen({ path: pipePath(host), backlog }, () => {
    server.removeListener('error', reject);
    resolve(server);
  });
  // It is bound by now or has failed, and nobody has been accepted yet.
  if (mode !== 0 && server.listening) setMode(server, host, mode, reject);
  return promise;
}

function setMode(server: Server, host: string, mode: number, reject: (error: unknown) => void): void {
  try {
    chmodSync(host, mode);
  } catch (error) {
    server.close();
    reject(error);
  }
}

/** libuv calls a folder that is not there a lack of permission. */
function throwIfFolderIsMissing(host: string, cause: Error): void {
  const folder = dirname(host);
  if (host.startsWith('@') || existsSync(folder)) return;
  throw new Error(`the folder ${folder} is not there`, { cause });
}

async function removeStale(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new Error(`${path} is a file that is no socket`);
  if (await isAnswered(path)) throw new Error(`somebody listens at ${path} already`);
  rmSync(path, { force: true });
}

/** A Unix socket connects or refuses at once. One whose queue is full, or that is not ours to use, has its listener. */
function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect({ path });
  probe.on('connect', () => {
    probe.destroy();
    resolve(true);
  });
  probe.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  return promise;
}
