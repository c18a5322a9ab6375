// Puts a head, a piece of body and what follows it into as few system calls as possible.

import type { Socket } from 'node:net';

/** A piece of body up to this size is joined with the text around it into one string and one write. */
const JOIN_LIMIT = 16 * 1024;

/** false: the socket's buffer is full, wait for its drain. */
export function writeBody(socket: Socket, before: string, chunk: Buffer, after: string): boolean {
  if (before.length === 0 && after.length === 0) return socket.write(chunk);
  if (chunk.length <= JOIN_LIMIT) return socket.write(before + chunk.toString('latin1') + after, 'latin1');
  socket.cork();
  if (before.length > 0) socket.write(before, 'latin1');
  let more = socket.write(chunk);
  if (after.length > 0) more = socket.write(after, 'latin1');
  socket.uncork();
  return more;
}
