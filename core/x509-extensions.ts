// Extensions of a certificate's DER (RFC 5280 4.1.2.9): a small reader of the few structures on the way.
// Whatever does not fit exactly is not there.

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const BOOLEAN = 0x01;
const EXTENSIONS = 0xa3;
const BASIC_CONSTRAINTS = '551d13';

export interface Element {
  readonly tag: number;
  readonly body: Buffer;
  readonly next: number;
}

function element(bytes: Buffer, at: number): Element | null {
  if (at + 2 > bytes.length) return null;
  const tag = bytes[at] as number;
  const first = bytes[at + 1] as number;
  if (first < 0x80) return slice(bytes, tag, at + 2, first);
  const size = first & 0x7f;
  if (size === 0 || size > 3 || at + 2 + size > bytes.length) return null;
  return slice(bytes, tag, at + 2 + size, bytes.readUIntBE(at + 2, size));
}

function slice(bytes: Buffer, tag: number, start: number, length: number): Element | null {
  if (start + length > bytes.length) return null;
  return { tag, body: bytes.subarray(start, start + length), next: start + length };
}

export function children(bytes: Buffer): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const child = element(bytes, at);
    if (child === null) return [];
    found.push(child);
    at = child.next;
  }
  return found;
}

/** The parts of the sequence that is the value of an extension; empty where there is none. `oid`: in hex. */
export function extensionParts(der: Buffer, oid: string): readonly Element[] {
  const certificate = element(der, 0);
  const tbs = certificate?.tag === SEQUENCE ? children(certificate.body)[0] : undefined;
  if (tbs === undefined) return [];
  const wrapped = children(tbs.body).find((part) => part.tag === EXTENSIONS);
  const list = wrapped === undefined ? undefined : children(wrapped.body)[0];
  for (const extension of list === undefined ? [] : children(list.body)) {
    const parts = children(extension.body).filter((part) => part.tag !== BOOLEAN);
    if (parts[0]?.body.toString('hex') !== oid || parts[1]?.tag !== OCTET_STRING) continue;
    const value = children(parts[1].body)[0];
    return value === undefined ? [] : children(value.body);
  }
  return [];
}

/** The certificate says CA:TRUE, whatever its key usage says of signing. */
export function claimsAuthority(der: Buffer): boolean {
  const [claim] = extensionParts(der, BASIC_CONSTRAINTS);
  return claim?.tag === BOOLEAN && claim.body.some((byte) => byte !== 0);
}
