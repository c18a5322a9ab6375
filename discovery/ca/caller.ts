// Who calls: the SPIFFE id of a verified client certificate, or of a join token. Nothing else that a caller
// says of itself counts.

import type { Metadata } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import { parseSpiffeId, type SpiffeId } from '../../core/identity.ts';
import { verifyToken } from './tokens.ts';

/** The part of a server call that tells about its connection. */
export interface CallFacts {
  readonly metadata: Metadata;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subjectaltname?: string } | undefined };
}

/** The exact SPIFFE id of the peer's certificate: one URI name in our trust domain, and nothing to interpret. */
export function certificateIdentity(call: Pick<CallFacts, 'getAuthContext'>, trustDomain: string): SpiffeId | null {
  const names = call.getAuthContext().sslPeerCertificate?.subjectaltname ?? '';
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'));
  if (uris.length !== 1) return null;
  const id = parseSpiffeId((uris[0] as string).slice('URI:'.length));
  return id !== null && id.trustDomain === trustDomain && id.segments.length > 0 ? id : null;
}

export type Caller =
  | { readonly ok: true; readonly identity: SpiffeId }
  | { readonly ok: false; readonly reason: string };

/** A token wins over a certificate: who sends one wants to be judged by it. */
export function authenticate(call: CallFacts, trustDomain: string, key: Buffer, clock: Clock): Caller {
  const token = bearerToken(call.metadata);
  if (token === null) {
    const identity = certificateIdentity(call, trustDomain);
    return identity === null
      ? { ok: false, reason: 'send a join token (authorization: Bearer ...) or a client certificate of this mesh' }
      : { ok: true, identity };
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
