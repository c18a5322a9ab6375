// A certificate signing request -> a leaf for the caller's authenticated identity. Of the request only the
// key is taken, and only after it proved that the caller holds it; the names in it are not believed.

import type { Clock } from '../../core/clock.ts';
import type { SpiffeId } from '../../core/identity.ts';
import type { Authority } from './authority.ts';
import { BACKDATE_MS, type Certificate, certificatePem, leafFor, readRequest } from './x509.ts';

/** Larger requests are not looked at. */
export const MAX_CSR_BYTES = 16 * 1024;
const SMALLEST_RSA_BITS = 2048;
const CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384']);
export const SHORTEST_LEAF_MS = 10_000;

export class CsrError extends Error {}

export interface IssueRequest {
  readonly csrPem: string;
  readonly identity: SpiffeId;
  /** How long the caller would like the leaf to hold; 0: as long as allowed. */
  readonly wantedMs: number;
  readonly longestMs: number;
}

export interface Issued {
  /** Leaf first, root last, one certificate each. */
  readonly chain: readonly string[];
  readonly certificate: Certificate;
  readonly notAfter: Date;
}

/** Throws CsrError where the request is not one, or its key is not good enough. */
export async function issue(authority: Authority, request: IssueRequest, clock: Clock): Promise<Issued> {
  const csr = await verifiedRequest(request.csrPem);
  const { signer } = authority;
  const notAfter = leafEnd(request, signer.certificate.notAfter, clock.wall());
  const validity = { notBefore: new Date(clock.wall() - BACKDATE_MS), notAfter };
  const certificate = await leafFor(csr.publicKey, [{ type: 'url', value: request.identity.uri }], validity, signer);
  return { chain: [certificatePem(certificate), certificatePem(signer.certificate)], certificate, notAfter };
}

async function verifiedRequest(pem: string) {
  if (pem.length > MAX_CSR_BYTES)
    throw new CsrError(`the certificate signing request is larger than ${MAX_CSR_BYTES / 1024} KiB`);
  const csr = parseRequest(pem);
  const problem = keyProblem(csr.publicKey.algorithm as KeyAlgorithm);
  if (problem !== null) throw new CsrError(problem);
  if (!(await csr.verify().catch(() => false)))
    throw new CsrError('the signature of the certificate signing request does not match its key');
  return csr;
}

function parseRequest(pem: string) {
  try {
    return readRequest(pem);
  } catch (error) {
    throw new CsrError(`not a certificate signing request in PEM: ${(error as Error).message}`);
  }
}

interface KeyAlgorithm {
  readonly name: string;
  readonly namedCurve?: string;
  readonly modulusLength?: number;
}

function keyProblem({ name, namedCurve, modulusLength }: KeyAlgorithm): string | null {
  if (name === 'ECDSA')
    return CURVES.has(namedCurve ?? '') ? null : `keys on the curve ${namedCurve} are not signed; use P-256`;
  if (name.startsWith('RSA'))
    return (modulusLength ?? 0) >= SMALLEST_RSA_BITS
      ? null
      : `RSA keys need at least ${SMALLEST_RSA_BITS} bits; better use ECDSA P-256`;
  return `keys of type ${name} are not signed; use ECDSA P-256`;
}

/** Never longer than asked, than allowed, or than the authority itself. */
function leafEnd({ wantedMs, longestMs }: IssueRequest, authorityEnd: Date, now: number): Date {
  const term = Math.max(SHORTEST_LEAF_MS, wantedMs > 0 ? Math.min(wantedMs, longestMs) : longestMs);
  return new Date(Math.min(now + term, authorityEnd.getTime()));
}
