// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a balancer writes before the first
// byte of a connection, to say who the client is. Judged as Envoy judges it: LOCAL and UNKNOWN stand for the
// connection's own addresses; what is neither TCP nor UDP over IP is refused.

import { isIPv4, isIPv6 } from 'node:net';

export interface ProxyEnd {
  readonly host: string;
  readonly port: number;
}

/** The client and what it connected to. */
export interface ProxyAddresses {
  readonly source: ProxyEnd;
  readonly destination: ProxyEnd;
}

export type ProxyVersion = 1 | 2;

export type ProxyHeader =
  | { readonly kind: 'more' }
  /** The bytes are the client's own. */
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly version: ProxyVersion; readonly reason: string }
  | {
      readonly kind: 'found';
      readonly version: ProxyVersion;
      readonly length: number;
      /** null: those of the connection itself. */
      readonly addresses: ProxyAddresses | null;
    };

const V1 = Buffer.from('PROXY ', 'latin1');
const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** With its line end; the specification counts 107 and lets receivers keep room for one more. */
const LONGEST_V1 = 108;
const V2_FIXED = 16;
/** No header is longer: its length has 16 bits. */
export const LONGEST_PROXY_HEADER = V2_FIXED + 0xffff;

const MORE: ProxyHeader = { kind: 'more' };
const NONE: ProxyHeader = { kind: 'none' };

/** Judges the bytes so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsLike(bytes, V2)) return bytes.length < V2_FIXED ? MORE : readV2(bytes);
  if (beginsLike(bytes, V1)) return bytes.length < V1.length ? MORE : readV1(bytes);
  return NONE;
}

/** As far as both reach. */
function beginsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function bad(version: ProxyVersion, reason: string): ProxyHeader {
  return { kind: 'bad', version, reason };
}

function readV1(bytes: Buffer): ProxyHeader {
  const window = bytes.subarray(0, LONGEST_V1).toString('latin1');
  const end = window.indexOf('\r\n');
  if (end === -1) return window.length < LONGEST_V1 ? MORE : bad(1, 'the line is too long');
  const line = window.slice(V1.length, end);
  if (/[\r\n\0]/.test(line)) return bad(1, 'the line holds a control character');
  const length = end + 2;
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { kind: 'found', version: 1, length, addresses: null };
  const addresses = readV1Addresses(line.split(' '));
  return addresses === null ? bad(1, 'no TCP4 or TCP6 addresses') : { kind: 'found', version: 1, length, addresses };
}

function readV1Addresses(words: readonly string[]): ProxyAddresses | null {
  const [family, from = '', to = '', fromPort = '', toPort = ''] = words;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  if (isAddress === null || words.length !== 5 || !isAddress(from) || !isAddress(to)) return null;
  if (from.includes('%') || to.includes('%') || !isPort(fromPort) || !isPort(toPort)) return null;
  return {
    source: { host: from, port: Number(fromPort) },
    destination: { host: to, port: Number(toPort) },
  };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

const LOCAL = 0;
const PROXY = 1;
/** Family in the upper half of its byte, transport in the lower: 1 a stream, 2 datagrams. */
const IPV4 = 1;
const IPV6 = 2;

function readV2(bytes: Buffer): ProxyHeader {
  const [versionAndCommand, familyAndTransport] = [bytes[12] as number, bytes[13] as number];
  const command = versionAndCommand & 15;
  if (versionAndCommand >> 4 !== 2) return bad(2, 'another version than 2');
  if (command !== LOCAL && command !== PROXY) return bad(2, 'neither LOCAL nor PROXY');
  const length = V2_FIXED + bytes.readUInt16BE(14);
  const family = familyAndTransport >> 4;
  const size = family === IPV4 ? 4 : family === IPV6 ? 16 : 0;
  if (command === PROXY) {
    if (size === 0) return bad(2, 'addresses that are not of IP');
    const transport = familyAndTransport & 15;
    if (transport !== 1 && transport !== 2) return bad(2, 'neither a stream nor datagrams');
    if (length < V2_FIXED + 2 * size + 4) return bad(2, 'too short for its addresses');
  }
  if (bytes.length < length) return MORE;
  if (command === LOCAL) return { kind: 'found', version: 2, length, addresses: null };
  if (!extensionsAreSound(bytes.subarray(V2_FIXED + 2 * size + 4, length))) return bad(2, 'an extension is cut off');
  return { kind: 'found', version: 2, length, addresses: readV2Addresses(bytes, size) };
}

function readV2Addresses(bytes: Buffer, size: number): ProxyAddresses {
  const at = V2_FIXED;
  const ports = at + 2 * size;
  return {
    source: { host: addressText(bytes.subarray(at, at + size)), port: bytes.readUInt16BE(ports) },
    destination: { host: addressText(bytes.subarray(at + size, ports)), port: bytes.readUInt16BE(ports + 2) },
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(2 * n).toString(16));
  // The URL parser writes IPv6 as everybody else does.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** Type, length, value, until the header ends. */
function extensionsAreSound(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return false;
    at += 3 + bytes.readUInt16BE(at + 1);
  }
  return at === bytes.length;
}

/** What we write before the first byte to an upstream. Addresses of two families, or of none: UNKNOWN, LOCAL. */
export function writeProxyHeader(version: ProxyVersion, { source, destination }: ProxyAddresses): Buffer {
  const four = isIPv4(source.host) && isIPv4(destination.host);
  const six = isIPv6(source.host) && isIPv6(destination.host);
  if (version === 2) return writeV2(source, destination, four ? 4 : six ? 16 : 0);
  if (!four && !six) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const family = four ? 'TCP4' : 'TCP6';
  return Buffer.from(
    `PROXY ${family} ${source.host} ${destination.host} ${source.port} ${destination.port}\r\n`,
    'latin1',
  );
}

function writeV2(source: ProxyEnd, destination: ProxyEnd, size: number): Buffer {
  const header = Buffer.alloc(V2_FIXED + (size === 0 ? 0 : 2 * size + 4));
  V2.copy(header);
  header[12] = 0x20 | (size === 0 ? LOCAL : PROXY);
  header[13] = size === 0 ? 0 : ((size === 4 ? IPV4 : IPV6) << 4) | 1;
  header.writeUInt16BE(header.length - V2_FIXED, 14);
  if (size === 0) return header;
  addressBytes(source.host, size).copy(header, V2_FIXED);
  addressBytes(destination.host, size).copy(header, V2_FIXED + size);
  header.writeUInt16BE(source.port, V2_FIXED + 2 * size);
  header.writeUInt16BE(destination.port, V2_FIXED + 2 * size + 2);
  return header;
}

function addressBytes(host: string, size: number): Buffer {
  if (size === 4) return Buffer.from(host.split('.').map(Number));
  const whole = host.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [front = '', back] = whole.split('::');
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'));
  const [before, after] = [groups(front), groups(back)];
  const middle = back === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  const bytes = Buffer.alloc(16);
  for (const [n, group] of [...before, ...middle, ...after].entries()) bytes.writeUInt16BE(parseInt(group, 16), 2 * n);
  return bytes;
}
