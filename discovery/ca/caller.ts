// Who calls: the SPIFFE id of a verified client certificate, or of a join token. Nothing else that a caller
// says of itself counts.

import { X509Certificate } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { readCertificate } from '../../core/certificate.ts';
import type { Clock } from '../../core/clock.ts';
import { parseSpiffeId, type SpiffeId } from '../../core/identity.ts';
import { svidOf } from '../../core/svid.ts';
import { verifyToken } from './tokens.ts';

/** The part of a server call that tells about its connection. */
export interface CallFacts {
  readonly metadata: Metadata;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Buffer } | undefined };
}

/** The SPIFFE id that the peer's certificate proves, in our trust domain; null where it proves none. */
export function certificateIdentity(
  call: Pick<CallFacts, 'getAuthContext'>,
  trustDomain: string,
): { readonly id: SpiffeId; readonly untilMs: number } | null {
  const der = call.getAuthContext().sslPeerCertificate?.raw;
  if (der === undefined) return null;
  const certificate = readCertificate(new X509Certificate(der));
  const id = svidOf(certificate);
  return id?.trustDomain === trustDomain ? { id, untilMs: certificate.validToMs } : null;
}

export type Caller =
  | { readonly ok: true; readonly identity: SpiffeId }
  | { readonly ok: false; readonly reason: string };

/** A token wins over a certificate: who sends one wants to be judged by it. */
export function authenticate(call: CallFacts, trustDomain: string, key: Buffer, clock: Clock): Caller {
  const token = bearerToken(call.metadata);
  if (token === null) {
    const proven = certificateIdentity(call, trustDomain);
    return proven === null
      ? { ok: false, reason: 'send a join token (authorization: Bearer ...) or a client certificate of this mesh' }
      : { ok: true, identity: proven.id };
  }
  const verdict = verifyToken(key, token, clock);
  if (!verdict.ok) return verdict;
  const identity = parseSpiffeId(`spiffe://${trustDomain}/${verdict.claims.sub}`);
  return identity === null ? { ok: false, reason: 'the join token names no workload' } : { ok: true, identity };
}

function bearerToken(metadata: Metadata): string | null {
  const [value] = metadata.get('authorization');
  const match = typeof value === 'string' ? /^Bearer +(\S+)$/i.exec(value) : null;
  return match?.[1] ?? null;
}

/** Whether an identity is that of a service: `/ns/<namespace>/sa/<service>`. */
export function isService(identity: SpiffeId, namespace: string, service: string): boolean {
  const [ns, given, sa, name] = identity.segments;
  return identity.segments.length === 4 && ns === 'ns' && given === namespace && sa === 'sa' && name === service;
}
