// The TCP socket under a TLS one: what can be reset, and what was known of a connection before its handshake.

import { Socket } from 'node:net';

/** The socket itself where it is not TLS. Node keeps the one below as `_parent`; null: this Node does not. */
export function connectionBelow(socket: Socket): Socket | null {
  if (!('encrypted' in socket)) return socket;
  const { _parent: parent } = socket as { readonly _parent?: unknown };
  return parent instanceof Socket ? parent : null;
}

/** Ends a connection with a reset, so that it never looks like an end that was meant. TLS has none of its own. */
export function abortConnection(socket: Socket): void {
  const below = connectionBelow(socket);
  if (below === null) resetHandle(socket);
  else if (below.destroyed) socket.destroy();
  else if (below.writableEnded && !below.writableFinished) resetOnceEnded(socket, below);
  else reset(socket, below);
}

function reset(socket: Socket, below: Socket): void {
  if (canBeReset(below)) below.resetAndDestroy();
  else below.destroy();
  socket.destroy();
}

/** A Unix socket cannot: its peer sees an end, or a reset where bytes of its own were left unread. */
function canBeReset(below: Socket): boolean {
  const { _handle: handle } = below as { readonly _handle?: { reset?: unknown } | null };
  return !below.destroyed && typeof handle?.reset === 'function';
}

/** A peer that does not take what was written before its end has so long (milliseconds). */
const END_MS = 1_000;

/** Between the call that ends a socket and the end itself libuv refuses to reset it, and Node would leave it open. */
function resetOnceEnded(socket: Socket, below: Socket): void {
  const late = setTimeout(() => socket.destroy(), END_MS);
  below.once('finish', () => {
    clearTimeout(late);
    reset(socket, below);
  });
}

/** Where TLS made its connection itself there is no socket below it, only what Node holds of one. */
function resetHandle(socket: Socket): void {
  const { _handle: handle } = socket as {
    readonly _handle?: { readonly _parent?: { reset?(done: () => void): number } };
  };
  if (!socket.destroyed) handle?._parent?.reset?.(() => {});
  socket.destroy();
}
