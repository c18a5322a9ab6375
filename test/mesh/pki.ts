// Certificates of every kind for tests: good ones, and each way to be bad.

import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Root extends Pair {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: x509.X509Certificate;
}

export interface LeafOptions {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  /** Further names, of any kind; `upn` is an otherName. */
  readonly names?: readonly x509.JsonGeneralName[];
  readonly subject?: string;
  /** Hours from now. */
  readonly from?: number;
  readonly to?: number;
  readonly usages?: readonly ('server' | 'client')[];
  readonly ca?: boolean;
}

async function keyPair(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    keys,
    pem: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
      format: 'pem',
      type: 'pkcs8',
    }) as string,
  };
}

/** `permits`: the only host whose URI names it may sign for (RFC 5280 4.2.1.10). */
export async function makeRoot(name: string, { permits }: { readonly permits?: string } = {}): Promise<Root> {
  const { keys, pem } = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}`,
      keys: keys as never,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + 24 * HOUR_MS),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        ...(permits === undefined ? [] : [new x509.Extension('2.5.29.30', true, permittedUri(permits))]),
      ],
    },
    webcrypto as never,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pem, keys, certificate };
}

/** The authority in a PEM of its key and certificate. */
export async function readRoot(pem: string): Promise<Root> {
  const certificate = new x509.X509Certificate(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem)?.[0] ?? '',
  );
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const publicKey = (await certificate.publicKey.export(webcrypto as never)) as unknown as webcrypto.CryptoKey;
  return { cert: certificate.toString('pem'), key: pem, keys: { privateKey, publicKey }, certificate };
}

/** NameConstraints with one permitted subtree. */
function permittedUri(host: string): Buffer {
  const der = (tag: number, body: Buffer) => Buffer.concat([Buffer.of(tag, body.length), body]);
  return der(0x30, der(0xa0, der(0x30, der(0x86, Buffer.from(host)))));
}

export async function makeLeaf(root: Root, options: LeafOptions): Promise<Pair> {
  const { uris = [], dns = [], subject = '', from = -1, to = 12, usages = ['server', 'client'], ca = false } = options;
  const { keys, pem } = await keyPair();
  const names: x509.JsonGeneralName[] = [
    ...uris.map((value) => ({ type: 'url' as const, value })),
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...(options.names ?? []),
  ];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject,
      issuer: root.certificate.subject,
      publicKey: keys.publicKey as never,
      signingKey: root.keys.privateKey as never,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() + from * HOUR_MS),
      notAfter: new Date(Date.now() + to * HOUR_MS),
      extensions: [
        new x509.BasicConstraintsExtension(ca, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages.map((usage) => (usage === 'server' ? SERVER_AUTH : CLIENT_AUTH))),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, subject === '')]),
      ],
    },
    webcrypto as never,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pem };
}
