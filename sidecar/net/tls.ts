// Live TLS contexts and the exact check of a peer's identity, on both sides of a connection. No
// resumption anywhere: a resumed session would skip the check of the client's certificate and outlive the
// trust it was made under (robustness.md 2.5 S04). A context is made once per certificate and bundle, not
// per connection; when either changes a new one takes its place and open connections live on.

import { constants, type X509Certificate } from 'node:crypto';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { peerFault, type TlsFault } from '../model/peer.ts';
import type { TlsCertificate, ValidationContext } from '../model/secret.ts';
import type { CommonTls } from '../model/tls.ts';
import type { TlsFacts } from '../telemetry/facts.ts';
import { type Certificate, parsePem, readCertificate } from '../../core/certificate.ts';

/** A context with everything resolved: names of secrets are gone. */
export interface TlsMaterial {
  readonly tls: CommonTls;
  readonly certificates: readonly TlsCertificate[];
  readonly validation: ValidationContext | null;
}

const NO_RESUMPTION = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;

/** Where key and certificate do not fit, OpenSSL says so of the context made of them; the caller keeps what it has. */
export function contextOptions(material: TlsMaterial): SecureContextOptions {
  const { tls, validation } = material;
  return {
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    cert: material.certificates.map((certificate) => certificate.chain),
    key: material.certificates.map((certificate) => certificate.privateKey),
    // Without a bundle nothing is trusted; Node would otherwise fall back to the system's roots.
    ca: validation?.trustedCa ?? [],
    ...(validation?.crl ? { crl: validation.crl } : {}),
    ...(tls.cipherSuites.length > 0 ? { ciphers: tls.cipherSuites.join(':') } : {}),
    ...(tls.ecdhCurves.length > 0 ? { ecdhCurve: tls.ecdhCurves.join(':') } : {}),
    secureOptions: NO_RESUMPTION,
    allowPartialTrustChain: true,
  };
}

export const RESUMED: TlsFault = { counted: 'connection_error', reason: 'a resumed session' };

/** Why a peer is not who it has to be, or null. `chainError`: what OpenSSL said of the chain. */
export function identityFault(
  validation: ValidationContext | null,
  peer: Certificate | null,
  chainError: string | null,
): TlsFault | null {
  if (validation === null) return null;
  if (peer === null) return { counted: 'fail_verify_no_cert', reason: 'the peer presented no certificate' };
  const chainMatters = validation.trustedCa !== null && !validation.acceptUntrusted;
  return chainMatters && chainError !== null ? untrusted(chainError) : peerFault(validation, peer);
}

export function untrusted(chainError: string): TlsFault {
  return { counted: 'fail_verify_error', reason: `certificate verify failed: ${chainError}` };
}

/** The peer's certificate, read once; null where it sent none. */
export function peerCertificate(socket: TLSSocket): Certificate | null {
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  return certificate === undefined ? null : readCertificate(certificate);
}

/** What is logged and forwarded about a finished handshake. */
export function tlsFacts(
  socket: TLSSocket,
  peer: Certificate | null,
  validated: boolean,
  local: Certificate | null,
): TlsFacts {
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.standardName ?? '',
    validated,
    peer,
    local,
  };
}

/** The leaf of a chain, or null where the PEM holds none. */
export function leafOf(chain: string): Certificate | null {
  const first = parsePem(chain)[0];
  return first === undefined ? null : readCertificate(first);
}
