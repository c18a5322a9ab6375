// A workload's certificate, got as a sidecar gets it: a key and CSR of its own, a join token, the CA's RPC.

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { create } from '@bufbuild/protobuf';
import { credentials, makeClientConstructor, Metadata } from '@grpc/grpc-js';
import { makeToken, tokenKey } from '../../discovery/ca/tokens.ts';
import { serviceDefinition } from '../../proto/ads.ts';
import {
  type IstioCertificateResponse,
  IstioCertificateRequestSchema,
  IstioCertificateService,
} from '../../proto/gen/istio/v1/auth/ca_pb.ts';
import type { TestDiscovery } from './discovery.ts';

export interface Pair {
  readonly chain: string;
  readonly key: string;
  readonly roots: string;
}

export interface Csr {
  readonly pem: string;
  readonly keyPem: string;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate signing request that claims whatever it likes. */
export async function newCsr(claim = 'spiffe://evil/ns/default/sa/admin'): Promise<Csr> {
  const keys = (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const extensions = [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: claim }])];
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever',
    keys,
    signingAlgorithm: P256,
    extensions,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { pem: csr.toString('pem'), keyPem };
}

export function joinToken(discovery: TestDiscovery, service: string, ttlSeconds = 60): string {
  return makeToken(tokenKey(discovery.dataDir), {
    sub: `ns/default/sa/${service}`,
    exp: Date.now() / 1000 + ttlSeconds,
  });
}

export function rootsOf(discovery: TestDiscovery): string {
  return readFileSync(join(discovery.dataDir, 'ca-root.pem'), 'utf8');
}

/** The certificate of the server is for names; an address cannot be one (RFC 6066, section 3). */
const BY_NAME = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' };

/** Calls CreateCertificate; rejects with the gRPC status. */
export function createCertificate(
  discovery: TestDiscovery,
  csr: string,
  auth: { readonly token?: string; readonly pair?: Pair } = {},
  validitySeconds = 0,
): Promise<IstioCertificateResponse> {
  const { pair, token } = auth;
  const tls = credentials.createSsl(
    Buffer.from(rootsOf(discovery)),
    pair && Buffer.from(pair.key),
    pair && Buffer.from(pair.chain),
  );
  const client = new (makeClientConstructor(serviceDefinition(IstioCertificateService), 'ca'))(
    discovery.secureXds,
    tls,
    BY_NAME,
  );
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const request = create(IstioCertificateRequestSchema, { csr, validityDuration: BigInt(validitySeconds) });
  return new Promise<IstioCertificateResponse>((resolve, reject) => {
    const method = client['createCertificate'] as (...args: unknown[]) => void;
    method.call(client, request, metadata, (error: Error | null, response: IstioCertificateResponse) =>
      error === null ? resolve(response) : reject(error),
    );
  }).finally(() => client.close());
}

export async function certificateFor(discovery: TestDiscovery, service: string): Promise<Pair> {
  const csr = await newCsr();
  const { certChain } = await createCertificate(discovery, csr.pem, { token: joinToken(discovery, service) });
  return { chain: certChain.join(''), key: csr.keyPem, roots: rootsOf(discovery) };
}
