// The handshake of a WebSocket (RFC 6455 4). HTTP/2 has no keys (RFC 8441 5): where a WebSocket goes from one version
// to the other, we say the key and the answer to it, or check the answer, in the place of those who do not know of them.

import { createHash, randomBytes } from 'node:crypto';

export const WEBSOCKET = 'websocket';
/** The only version there is. */
export const WEBSOCKET_VERSION = '13';

const KEY_BYTES = 16;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** 16 bytes as base64: of its 22nd character only two bits are used. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export function newWebSocketKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

export function isWebSocketKey(text: string): boolean {
  return KEY.test(text);
}

/** Sec-WebSocket-Accept for a key. */
export function webSocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}
