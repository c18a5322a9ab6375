// Reads what a listener wants to know from the first bytes of a connection: whether it is TLS, and the
// server name and protocols of its ClientHello (RFC 8446 4.1.2), without taking part in the handshake.

export type Sniffed =
  | { readonly kind: 'more' }
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly serverName: string; readonly alpn: readonly string[] };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
/** A ClientHello larger than this is refused by every server; post-quantum key shares fit well. */
export const LONGEST_CLIENT_HELLO = 16 * 1024;

/** Clients send one record, or a few; each look at the bytes so far goes through all of them. */
export const MOST_RECORDS = 100;

const MORE: Sniffed = { kind: 'more' };
const PLAIN: Sniffed = { kind: 'plain' };
const NAMELESS: Sniffed = { kind: 'tls', serverName: '', alpn: [] };

/** Judges the bytes so far. A hello that is malformed or past a bound is 'tls' without a name: who ends TLS judges it. */
export function sniff(bytes: Buffer): Sniffed {
  if (bytes.length === 0) return MORE;
  if (bytes[0] !== HANDSHAKE) return PLAIN;
  if (bytes.length < 3) return MORE;
  if (bytes[1] !== 3) return PLAIN;
  const hello = unwrapRecords(bytes.subarray(0, LONGEST_CLIENT_HELLO));
  if (hello === null) return bytes.length < LONGEST_CLIENT_HELLO ? MORE : NAMELESS;
  return hello === 'too many records' ? NAMELESS : readHello(hello);
}

const MESSAGE_HEAD = 4;

/** The ClientHello message out of its records, however small they are; null while it is not complete. */
function unwrapRecords(bytes: Buffer): Buffer | 'too many records' | null {
  const parts: Buffer[] = [];
  let at = 0;
  let collected = 0;
  let wanted = Number.POSITIVE_INFINITY;
  for (let records = 0; at + 5 <= bytes.length && bytes[at] === HANDSHAKE; records++) {
    if (records === MOST_RECORDS) return 'too many records';
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) return null;
    if (end > at + 5) parts.push(bytes.subarray(at + 5, end));
    collected += end - at - 5;
    at = end;
    // Put together twice at most, however many records there are.
    if (collected >= MESSAGE_HEAD && wanted === Number.POSITIVE_INFINITY)
      wanted = MESSAGE_HEAD + Buffer.concat(parts).readUIntBE(1, 3);
    if (collected >= wanted) return Buffer.concat(parts);
  }
  return null;
}

function readHello(hello: Buffer): Sniffed {
  const reader = new Reader(hello);
  if (reader.number(1) !== CLIENT_HELLO) return NAMELESS;
  reader.skip(3 + 2 + 32);
  reader.skip(reader.number(1));
  reader.skip(reader.number(2));
  reader.skip(reader.number(1));
  const end = reader.number(2) + reader.at;
  let serverName: string | null = null;
  let alpn: readonly string[] = [];
  while (reader.at + 4 <= end && !reader.over) {
    const type = reader.number(2);
    const body = reader.take(reader.number(2));
    // One that stands twice could be read either way by who ends TLS: it counts as none.
    if (type === SERVER_NAME) serverName = serverName === null ? readServerName(body) : '';
    else if (type === ALPN) alpn = readAlpn(body);
  }
  return { kind: 'tls', serverName: serverName ?? '', alpn };
}

/** What OpenSSL takes as a name, so that no chain is chosen by one that it would refuse. */
const NAME = /^[\x21-\x7e]{1,255}$/;

/** Lower case: names are compared without regard to case (RFC 6066 3). '' where it is not exactly one name. */
function readServerName(body: Buffer): string {
  const reader = new Reader(body);
  reader.skip(2);
  if (reader.number(1) !== 0) return '';
  const name = reader.take(reader.number(2)).toString('latin1').toLowerCase();
  return !reader.over && reader.at === body.length && NAME.test(name) ? name : '';
}

function readAlpn(body: Buffer): string[] {
  const reader = new Reader(body);
  reader.skip(2);
  const names: string[] = [];
  while (reader.at < body.length && !reader.over) names.push(reader.take(reader.number(1)).toString('latin1'));
  return names;
}

/** Reads past the end as zeros and empty pieces, and says so. */
class Reader {
  at = 0;
  over = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(size: 1 | 2): number {
    if (this.at + size > this.#bytes.length) {
      this.over = true;
      return 0;
    }
    const value = this.#bytes.readUIntBE(this.at, size);
    this.at += size;
    return value;
  }

  skip(count: number): void {
    this.at += count;
    if (this.at > this.#bytes.length) this.over = true;
  }

  take(count: number): Buffer {
    const piece = this.#bytes.subarray(this.at, this.at + count);
    this.skip(count);
    return piece;
  }
}
