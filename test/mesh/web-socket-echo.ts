// An application that takes a WebSocket and says back what it hears, byte by byte: no frames are looked at.

import { createHash } from 'node:crypto';
import type { Script } from './origin.ts';

/** RFC 6455 4.2.2. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** Greets with `hello `. */
export const webSocketEcho: Script = (request, _n, socket) => {
  socket.on('data', (bytes) => socket.write(`echo ${bytes.toString('latin1')}`));
  const key = /^sec-websocket-key: (.*)$/im.exec(request.head)?.[1] ?? '';
  const fields = ['connection: upgrade', 'upgrade: websocket', `sec-websocket-accept: ${acceptOf(key)}`];
  return ['HTTP/1.1 101 Switching Protocols', ...fields, '', 'hello '].join('\r\n');
};
