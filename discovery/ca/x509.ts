// The two certificate profiles that we issue, roots and leaves, over @peculiar/x509, and PEM in and out.
// reflect-metadata must be loaded before it.

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as never);

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** Clocks differ: a certificate holds from a little before it was made. */
export const BACKDATE_MS = 60_000;
const SERIAL_BYTES = 16;

export type Certificate = x509.X509Certificate;

export interface Signer {
  readonly certificate: Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export async function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** A self-signed root that carries the trust domain's id (SPIFFE X.509-SVID, section 4). */
export async function selfSignedRoot(trustDomain: string, validity: Validity): Promise<Signer> {
  const keys = await newKeyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: `CN=Fairlead root ${trustDomain}`,
    ...validity,
    signingAlgorithm: SIGNING,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

export type AlternativeName = { readonly type: 'url' | 'dns' | 'ip'; readonly value: string };

/** A leaf for a public key: CA:FALSE, digitalSignature, both ends of TLS, the given names and no other. */
export async function leafFor(
  publicKey: x509.PublicKeyType,
  names: readonly AlternativeName[],
  validity: Validity,
  signer: Signer,
): Promise<Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: '',
    issuer: signer.certificate.subject,
    ...validity,
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey: signer.privateKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]),
      // Critical, because the subject is empty (RFC 5280, 4.2.1.6).
      new x509.SubjectAlternativeNameExtension([...names], true),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
    ],
  });
}

/** 128 random bits, positive and never zero. */
function randomSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

/** PEM with a line end, so that certificates can be put one after another. */
export function certificatePem(certificate: Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

export async function readPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, P256, true, ['sign']);
}

const ONE_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export function readCertificates(pem: string): Certificate[] {
  return (pem.match(ONE_CERTIFICATE) ?? []).map((one) => new x509.X509Certificate(one));
}

export function readRequest(pem: string): x509.Pkcs10CertificateRequest {
  return new x509.Pkcs10CertificateRequest(pem);
}
