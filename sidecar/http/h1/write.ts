// Puts a head, a piece of body and what follows it into as few system calls as possible.

import type { Socket } from 'node:net';
import { latin1 } from '../latin1.ts';
import type { Piece } from '../stream.ts';
import { giveBack, isSlab, kept } from '../slabs.ts';

/** A piece of body up to this size is joined with the text around it into one string and one write. */
const JOIN_LIMIT = 16 * 1024;

/** false: the socket's buffer is full, wait for its drain. The piece is the socket's from now on. */
export function writeBody(socket: Socket, before: string, chunk: Piece, after: string): boolean {
  if (typeof chunk === 'string') return socket.write(before + chunk + after, 'latin1');
  if (before.length === 0 && after.length === 0) return writePiece(socket, chunk);
  if (chunk.length <= JOIN_LIMIT) return socket.write(before + latin1(chunk, 0, chunk.length) + after, 'latin1');
  socket.cork();
  if (before.length > 0) socket.write(before, 'latin1');
  let more = writePiece(socket, chunk);
  if (after.length > 0) more = socket.write(after, 'latin1');
  socket.uncork();
  return more;
}

function writePiece(socket: Socket, piece: Buffer): boolean {
  const chunk = kept(piece);
  return isSlab(chunk) ? socket.write(chunk, () => giveBack(chunk)) : socket.write(chunk);
}
