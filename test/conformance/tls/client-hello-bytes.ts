// ClientHellos byte by byte, right and wrong ones (RFC 8446 4.1.2): what no TLS library would send.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface HelloOptions {
  /** Bodies of server_name extensions, one each; none by default. */
  readonly serverNames?: readonly Buffer[];
  readonly alpn?: readonly string[];
  /** TLS 1.3 is offered; otherwise this is the highest version. */
  readonly oldest?: 0x0301 | 0x0302 | 0x0303;
  /** Further extensions, as they are. */
  readonly more?: readonly Buffer[];
}

const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);
const sized = (body: Buffer) => Buffer.concat([u16(body.length), body]);
export const extension = (type: number, body: Buffer) => Buffer.concat([u16(type), sized(body)]);

/** The body of a server_name extension (RFC 6066 3) with these host names. */
export function serverName(...names: readonly (string | Buffer)[]): Buffer {
  const list = names.map((name) => Buffer.concat([Buffer.of(0), sized(Buffer.from(name))]));
  return sized(Buffer.concat(list));
}

function alpnBody(names: readonly string[]): Buffer {
  return sized(Buffer.concat(names.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name)]))));
}

/** A share of X25519: the last 32 bytes of a public key's DER. */
function keyShare(): Buffer {
  const { publicKey } = generateKeyPairSync('x25519');
  const key = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return extension(51, sized(Buffer.concat([u16(0x001d), sized(key)])));
}

export function clientHello({ serverNames = [], alpn = [], oldest, more = [] }: HelloOptions = {}): Buffer {
  const extensions = Buffer.concat([
    ...serverNames.map((body) => extension(0, body)),
    ...(alpn.length === 0 ? [] : [extension(16, alpnBody(alpn))]),
    extension(10, sized(u16(0x001d))),
    extension(13, sized(Buffer.concat([u16(0x0403), u16(0x0804)]))),
    ...(oldest === undefined ? [extension(43, Buffer.of(2, 0x03, 0x04)), keyShare()] : []),
    ...more,
  ]);
  const ciphers = [0x1301, 0xc02b, 0xc009].map(u16);
  const body = Buffer.concat([
    u16(oldest ?? 0x0303),
    randomBytes(32),
    Buffer.of(0),
    sized(Buffer.concat(ciphers)),
    Buffer.of(1, 0),
    sized(extensions),
  ]);
  const message = Buffer.concat([Buffer.of(1, 0), u16(body.length), body]);
  return Buffer.concat([Buffer.of(0x16, 0x03, 0x01), sized(message)]);
}
