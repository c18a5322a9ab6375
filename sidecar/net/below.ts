// The TCP socket under a TLS one: what can be reset, and what was known of a connection before its handshake.

import { Socket } from 'node:net';

/** The socket itself where it is not TLS. Node keeps the one below as `_parent`; null: this Node does not. */
export function connectionBelow(socket: Socket): Socket | null {
  if (!('encrypted' in socket)) return socket;
  const { _parent: parent } = socket as { readonly _parent?: unknown };
  return parent instanceof Socket ? parent : null;
}
