// A certificate read once into plain facts, and the exact checks of names in it. Subject alternative
// names are taken from the DER, never from a text that has to be split (robustness.md 2.5 S02).

import { createHash, X509Certificate } from 'node:crypto';
import { subjectAltNames } from './subject-alt-names.ts';
import { claimsAuthority } from './x509-extensions.ts';

export interface Certificate {
  /** RFC 2253 text. */
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hex without colons. */
  readonly fingerprint256: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly emailSans: readonly string[];
  readonly ipSans: readonly string[];
  /** It says that it may sign others. */
  readonly ca: boolean;
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly pem: string;
  /** Base64 SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiHash: () => string;
}

/** Throws where the DER or PEM cannot be read. */
export function readCertificate(certificate: X509Certificate): Certificate {
  const names = subjectAltNames(certificate.raw);
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    fingerprint256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    uriSans: names.uri,
    dnsSans: names.dns,
    emailSans: names.email,
    ipSans: names.ip,
    ca: claimsAuthority(certificate.raw),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    pem: certificate.toString(),
    spkiHash: () => spkiHash(certificate),
  };
}

function spkiHash(certificate: X509Certificate): string {
  const der = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

/** Node prints one attribute a line, in order of the DER; RFC 2253 wants the last first, joined by commas. */
function distinguishedName(lines: string | undefined): string {
  if (lines === undefined || lines === '') return '';
  return lines.split('\n').reverse().join(',');
}

/** All certificates of a PEM text. Throws on what is none. */
export function parsePem(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
