// This workload's key and certificate. The key is made here and never leaves but into a file that only we
// may read, so that a restart without discovery still has an identity.

import { createPrivateKey, createPublicKey, webcrypto, type X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parsePem, readCertificate } from '../../core/certificate.ts';
import { parseSpiffeId, type SpiffeId } from '../../core/identity.ts';

export interface KeyPair {
  /** PEM, leaf first, without the root. */
  readonly chain: string;
  readonly privateKey: string;
  readonly id: SpiffeId;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface SigningRequest {
  readonly csr: string;
  readonly privateKey: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A fresh key with a request to sign it. What the request says of names is not believed by the authority. */
export async function newSigningRequest(): Promise<SigningRequest> {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: ALGORITHM },
    webcrypto as never,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { csr: request.toString('pem'), privateKey: key.export({ format: 'pem', type: 'pkcs8' }) as string };
}

/**
 * Puts an issued chain and its key together. Throws with the reason where they do not fit: another key, not
 * exactly one SPIFFE id, not valid now, or another id than the one we had.
 */
export function keyPairOf(
  certificates: readonly string[],
  privateKey: string,
  before: SpiffeId | null,
  nowMs: number,
): KeyPair {
  const chain = certificates.flatMap(parsePem).filter((certificate) => !isRoot(certificate));
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('the authority sent no certificate');
  if (!samePublicKey(leaf, privateKey)) throw new Error('the certificate is not for our key');
  const facts = readCertificate(leaf);
  const [uri, ...others] = facts.uriSans;
  const id = uri === undefined || others.length > 0 ? null : parseSpiffeId(uri);
  if (id === null) throw new Error('the certificate does not carry exactly one SPIFFE id');
  if (before !== null && before.uri !== id.uri)
    throw new Error(`the certificate is for ${id.uri}, we are ${before.uri}`);
  if (nowMs >= facts.validToMs || nowMs < facts.validFromMs) throw new Error('the certificate is not valid now');
  const pem = chain.map((certificate) => certificate.toString().trim()).join('\n');
  return { chain: `${pem}\n`, privateKey, id, notBeforeMs: facts.validFromMs, notAfterMs: facts.validToMs };
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(certificate);
}

function samePublicKey(leaf: X509Certificate, privateKey: string): boolean {
  const own = createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'der' });
  return own.equals(leaf.publicKey.export({ type: 'spki', format: 'der' }));
}

/** What an earlier run left, if it is still good; null otherwise. */
export async function loadKeyPair(path: string, nowMs: number): Promise<KeyPair | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0];
  try {
    return key === undefined ? null : keyPairOf([text], key, null, nowMs);
  } catch {
    // Expired or damaged: a new one is made, as at a first start.
    return null;
  }
}

/** Whole or not at all, readable by us alone. */
export async function saveKeyPair(path: string, pair: KeyPair): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(pair.chain + pair.privateKey);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
