// Subject alternative names from a certificate's DER (RFC 5280 4.2.1.6). Whatever does not fit exactly gives no
// names, so nothing matches.

import { type Element, extensionParts } from './x509-extensions.ts';

export interface SubjectAltNames {
  readonly uri: readonly string[];
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly ip: readonly string[];
}

const SAN_OID = '551d11';
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

/** Names of the certificate. A name with a byte that has no place in it takes all names of its kind along. */
export function subjectAltNames(der: Buffer): SubjectAltNames {
  const names = extensionParts(der, SAN_OID);
  const ips = names.filter((name) => name.tag === IP).map((name) => ipText(name.body));
  return {
    uri: texts(names, URI),
    dns: texts(names, DNS),
    email: texts(names, EMAIL),
    ip: ips.filter((ip) => ip !== ''),
  };
}

/** All or none: one left out would make two names look like the one that must be the only one. */
function texts(names: readonly Element[], tag: number): string[] {
  const found = names.filter((name) => name.tag === tag);
  return found.every(({ body }) => isPrintable(body)) ? found.map(({ body }) => body.toString('latin1')) : [];
}

/** Visible ASCII only: a NUL or a line break in a name is an attack on whoever prints or compares it. */
function isPrintable(bytes: Buffer): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte > 0x20 && byte < 0x7f);
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  // As everybody writes it (RFC 5952): `::1`.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
