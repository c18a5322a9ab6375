// Certificates for the pair of sidecars, made as our authority makes them: one root, a leaf for each side.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workloadId } from '../../core/identity.ts';
import {
  certificatePem,
  leafFor,
  newKeyPair,
  privateKeyPem,
  type Signer,
  selfSignedRoot,
} from '../../discovery/ca/x509.ts';

const TRUST_DOMAIN = 'cluster.local';
const HOUR_MS = 3_600_000;

export interface Leaf {
  readonly id: string;
  /** DNS name, for peers that know no SPIFFE ids. */
  readonly dns: string;
  readonly chain: string;
  readonly key: string;
  /** Chain and key in one file, as HAProxy wants them. */
  readonly both: string;
}

/** Files in the folder. */
export interface Certificates {
  readonly root: string;
  readonly client: Leaf;
  readonly server: Leaf;
}

export async function makeCertificates(folder: string): Promise<Certificates> {
  const now = Date.now();
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
  const signer = await selfSignedRoot(TRUST_DOMAIN, validity);
  const root = join(folder, 'root.pem');
  writeFileSync(root, certificatePem(signer.certificate));
  const [client, server] = await Promise.all([
    makeLeaf(folder, 'web', validity, signer),
    makeLeaf(folder, 'catalog', validity, signer),
  ]);
  return { root, client, server };
}

async function makeLeaf(
  folder: string,
  service: string,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
  signer: Signer,
): Promise<Leaf> {
  const keys = await newKeyPair();
  const id = workloadId(TRUST_DOMAIN, 'default', service).uri;
  const names = [{ type: 'url', value: id } as const, { type: 'dns', value: service } as const];
  const pem = certificatePem(await leafFor(keys.publicKey as never, names, validity, signer));
  const key = await privateKeyPem(keys.privateKey);
  const file = (suffix: string, text: string) => {
    const path = join(folder, `${service}.${suffix}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return { id, dns: service, chain: file('crt', pem), key: file('key', key), both: file('pem', pem + key) };
}
