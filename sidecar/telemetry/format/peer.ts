// Operators about TLS: what was agreed, and the certificates of both ends on both sides.

import { createHash, X509Certificate } from 'node:crypto';
import { subjectAltNames } from '../../../core/subject-alt-names.ts';
import type { CertificateFacts, RequestFacts, TlsFacts } from '../facts.ts';
import { compileTime } from './time.ts';
import { encoded, type Provider, type Value } from './value.ts';

type Side = (facts: RequestFacts) => TlsFacts | null;

const downstream: Side = (facts) => facts.connection.tls;
const upstream: Side = (facts) => facts.upstreamTls;

function ofTls(side: Side, read: (tls: TlsFacts) => string): Provider {
  return (facts) => {
    const tls = side(facts);
    return tls === null ? null : orNull(read(tls));
  };
}

function ofPeer(side: Side, read: (certificate: CertificateFacts) => string): Provider {
  return (facts) => ofCertificate(side(facts)?.peer ?? null, read);
}

function ofLocal(side: Side, read: (certificate: CertificateFacts) => string): Provider {
  return (facts) => ofCertificate(side(facts)?.local ?? null, read);
}

function ofCertificate(certificate: CertificateFacts | null, read: (certificate: CertificateFacts) => string): Value {
  return certificate === null ? null : orNull(read(certificate));
}

function orNull(text: string): string | null {
  return text === '' ? null : encoded(text);
}

const uriSans = (certificate: CertificateFacts) => certificate.uriSans.join(',');
const dnsSans = (certificate: CertificateFacts) => certificate.dnsSans.join(',');
const otherSans = (kind: 'ip' | 'email') => (certificate: CertificateFacts) =>
  subjectAltNames(new X509Certificate(certificate.pem).raw)[kind].join(',');
const sha1 = (certificate: CertificateFacts) =>
  createHash('sha1').update(new X509Certificate(certificate.pem).raw).digest('hex');
const absent: Provider = () => null;

export const PEER: Readonly<Record<string, Provider>> = {
  REQUESTED_SERVER_NAME: (facts) => facts.connection.serverName,
  DOWNSTREAM_TLS_VERSION: ofTls(downstream, ({ version }) => version),
  DOWNSTREAM_TLS_CIPHER: ofTls(downstream, ({ cipher }) => cipher),
  DOWNSTREAM_TLS_GROUP: absent,
  DOWNSTREAM_TLS_SESSION_ID: absent,
  DOWNSTREAM_PEER_SUBJECT: ofPeer(downstream, ({ subject }) => subject),
  DOWNSTREAM_PEER_ISSUER: ofPeer(downstream, ({ issuer }) => issuer),
  DOWNSTREAM_PEER_SERIAL: ofPeer(downstream, ({ serial }) => serial),
  DOWNSTREAM_PEER_FINGERPRINT_256: ofPeer(downstream, ({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_FINGERPRINT_1: ofPeer(downstream, sha1),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: ofPeer(downstream, ({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: ofPeer(downstream, sha1),
  DOWNSTREAM_PEER_CHAIN_SERIALS: ofPeer(downstream, ({ serial }) => serial),
  DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: absent,
  DOWNSTREAM_PEER_ISSUER_SERIAL: absent,
  DOWNSTREAM_PEER_URI_SAN: ofPeer(downstream, uriSans),
  DOWNSTREAM_PEER_DNS_SAN: ofPeer(downstream, dnsSans),
  DOWNSTREAM_PEER_IP_SAN: ofPeer(downstream, otherSans('ip')),
  DOWNSTREAM_PEER_EMAIL_SAN: ofPeer(downstream, otherSans('email')),
  DOWNSTREAM_PEER_OTHERNAME_SAN: absent,
  DOWNSTREAM_PEER_CERT: ofPeer(downstream, ({ pem }) => encodeURIComponent(pem)),
  DOWNSTREAM_LOCAL_SUBJECT: ofLocal(downstream, ({ subject }) => subject),
  DOWNSTREAM_LOCAL_URI_SAN: ofLocal(downstream, uriSans),
  DOWNSTREAM_LOCAL_DNS_SAN: ofLocal(downstream, dnsSans),
  DOWNSTREAM_LOCAL_IP_SAN: ofLocal(downstream, otherSans('ip')),
  DOWNSTREAM_LOCAL_EMAIL_SAN: ofLocal(downstream, otherSans('email')),
  DOWNSTREAM_LOCAL_OTHERNAME_SAN: absent,
  UPSTREAM_TLS_VERSION: ofTls(upstream, ({ version }) => version),
  UPSTREAM_TLS_CIPHER: ofTls(upstream, ({ cipher }) => cipher),
  UPSTREAM_TLS_GROUP: absent,
  UPSTREAM_TLS_SESSION_ID: absent,
  UPSTREAM_PEER_SUBJECT: ofPeer(upstream, ({ subject }) => subject),
  UPSTREAM_PEER_ISSUER: ofPeer(upstream, ({ issuer }) => issuer),
  UPSTREAM_PEER_URI_SAN: ofPeer(upstream, uriSans),
  UPSTREAM_PEER_DNS_SAN: ofPeer(upstream, dnsSans),
  UPSTREAM_PEER_IP_SAN: ofPeer(upstream, otherSans('ip')),
  UPSTREAM_PEER_CERT: ofPeer(upstream, ({ pem }) => encodeURIComponent(pem)),
  UPSTREAM_LOCAL_URI_SAN: ofLocal(upstream, uriSans),
  UPSTREAM_LOCAL_DNS_SAN: ofLocal(upstream, dnsSans),
  UPSTREAM_LOCAL_IP_SAN: ofLocal(upstream, otherSans('ip')),
};

/** When a peer's certificate begins or ends to be valid; the default form is ISO 8601. */
export function validity(side: 'downstream' | 'upstream', end: boolean, format: string | null): Provider {
  const print = compileTime(format, 'utc');
  return (facts) => {
    const certificate = (side === 'downstream' ? downstream : upstream)(facts)?.peer;
    return certificate ? print(end ? certificate.validToMs : certificate.validFromMs) : null;
  };
}
