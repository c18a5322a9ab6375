// Subject alternative names from a certificate's DER (RFC 5280 4.2.1.6). A small reader of the few
// structures on the way; whatever does not fit exactly gives no names, so nothing matches.

export interface SubjectAltNames {
  readonly uri: readonly string[];
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly ip: readonly string[];
}

const NONE: SubjectAltNames = { uri: [], dns: [], email: [], ip: [] };
const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const BOOLEAN = 0x01;
const EXTENSIONS = 0xa3;
const SAN_OID = '551d11';
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

interface Element {
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

function children(bytes: Buffer): Element[] {
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

/** Names of the certificate; a name with a byte that has no place in it is left out, so it matches nothing. */
export function subjectAltNames(der: Buffer): SubjectAltNames {
  const certificate = element(der, 0);
  const tbs = certificate?.tag === SEQUENCE ? children(certificate.body)[0] : undefined;
  if (tbs === undefined) return NONE;
  const wrapped = children(tbs.body).find((part) => part.tag === EXTENSIONS);
  const list = wrapped === undefined ? undefined : children(wrapped.body)[0];
  for (const extension of list === undefined ? [] : children(list.body)) {
    const parts = children(extension.body).filter((part) => part.tag !== BOOLEAN);
    if (parts[0]?.body.toString('hex') !== SAN_OID || parts[1]?.tag !== OCTET_STRING) continue;
    const names = children(parts[1].body)[0];
    return names === undefined ? NONE : sorted(children(names.body));
  }
  return NONE;
}

function sorted(names: readonly Element[]): SubjectAltNames {
  const text = (tag: number) =>
    names.filter((name) => name.tag === tag && isPrintable(name.body)).map((name) => name.body.toString('latin1'));
  const ips = names.filter((name) => name.tag === IP).map((name) => ipText(name.body));
  return { uri: text(URI), dns: text(DNS), email: text(EMAIL), ip: ips.filter((ip) => ip !== '') };
}

/** Visible ASCII only: a NUL or a line break in a name is an attack on whoever prints or compares it. */
function isPrintable(bytes: Buffer): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte > 0x20 && byte < 0x7f);
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return groups.join(':');
}
