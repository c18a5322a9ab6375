// Whether the certificate of a peer is one of those that a validation context asks for. Pure: the same for clients,
// for upstreams and for discovery. What the chain is worth, OpenSSL says.

import type { Certificate } from '../../core/certificate.ts';
import { svidFault } from '../../core/svid.ts';
import { stringMatches } from './matching.ts';
import type { ValidationContext } from './secret.ts';
import type { SanMatch } from './tls.ts';

/** Why a connection is not to be, and where that is counted. */
export interface TlsFault {
  readonly counted:
    | 'fail_verify_no_cert'
    | 'fail_verify_error'
    | 'fail_verify_san'
    | 'fail_verify_cert_hash'
    | 'connection_error';
  readonly reason: string;
}

export function peerFault(validation: ValidationContext, peer: Certificate): TlsFault | null {
  return pinFault(validation, peer) ?? nameFault(svidFault(peer) ?? sanFault(validation.subjectAltNames, peer));
}

function nameFault(reason: string | null): TlsFault | null {
  return reason === null ? null : { counted: 'fail_verify_san', reason };
}

function pinFault({ certificateHashes, spkiHashes }: ValidationContext, peer: Certificate): TlsFault | null {
  if (certificateHashes.length === 0 && spkiHashes.length === 0) return null;
  if (certificateHashes.includes(peer.fingerprint256)) return null;
  return spkiHashes.length > 0 && spkiHashes.includes(peer.spkiHash())
    ? null
    : { counted: 'fail_verify_cert_hash', reason: 'the certificate is not one of those pinned' };
}

function sanFault(wanted: readonly SanMatch[], peer: Certificate): string | null {
  if (wanted.length === 0 || wanted.some((rule) => sansOf(peer, rule.type).some((san) => sanMatches(rule, san))))
    return null;
  const names = [...peer.uriSans, ...peer.dnsSans].join(', ') || 'none';
  return `the peer's names (${names}) are not among those expected`;
}

function sansOf(peer: Certificate, type: SanMatch['type']): readonly string[] {
  switch (type) {
    case 'uri':
      return peer.uriSans;
    case 'dns':
      return peer.dnsSans;
    case 'email':
      return peer.emailSans;
    case 'ip':
      return peer.ipSans;
  }
}

function sanMatches({ type, match }: SanMatch, san: string): boolean {
  if (type !== 'dns') return stringMatches(match, san);
  if (match.kind === 'exact' && san.startsWith('*.')) return wildcardMatches(san, match.value);
  // Names of hosts are the same in either case.
  const folded = san.toLowerCase();
  return stringMatches(match.kind === 'regex' ? match : { ...match, ignoreCase: true }, folded);
}

/** `*.example.test` stands for exactly one label (RFC 6125 6.4.3). */
function wildcardMatches(pattern: string, name: string): boolean {
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot).toLowerCase() === pattern.slice(1).toLowerCase();
}
