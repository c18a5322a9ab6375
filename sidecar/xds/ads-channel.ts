// How the stream to discovery is opened: the gRPC target and credentials that a static cluster of the
// bootstrap describes.

import { X509Certificate } from 'node:crypto';
import type { PeerCertificate, SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { credentials } from '@grpc/grpc-js';
import { hostPort, isPipe } from '../../core/addresses.ts';
import { readCertificate } from '../../core/certificate.ts';
import type { Cluster } from '../model/cluster.ts';
import { peerFault } from '../model/peer.ts';
import type { Secret, TlsCertificate, ValidationContext } from '../model/secret.ts';
import type { UpstreamTls } from '../model/tls.ts';

/** Throws an Error for a cluster that gRPC cannot dial. */
export function targetOf(cluster: Cluster): string {
  const { discovery } = cluster;
  const hosts =
    discovery.kind === 'eds' ? [] : discovery.assignment.localities.flatMap((locality) => locality.endpoints);
  const [first] = hosts;
  if (first === undefined) throw new Error(`the cluster "${cluster.name}" has no endpoints`);
  if (discovery.kind !== 'static') return `dns:${hostPort(first.host, first.port)}`;
  if (first.host.startsWith('@'))
    throw new Error(`the cluster "${cluster.name}" is at an abstract Unix socket, which gRPC does not dial`);
  if (isPipe(first.host)) return `unix:${first.host}`;
  const scheme = first.host.includes(':') ? 'ipv6' : 'ipv4';
  const alike = hosts.filter(({ host }) => !isPipe(host) && host.includes(':') === (scheme === 'ipv6'));
  return `${scheme}:${alike.map(({ host, port }) => hostPort(host, port)).join(',')}`;
}

/**
 * Credentials of a cluster's TLS context, plaintext without one. `secrets` resolves SDS names; a name that
 * is not there yet counts as not configured for certificates, and throws for trust.
 */
export function credentialsOf(cluster: Cluster, secrets: ReadonlyMap<string, Secret>): ChannelCredentials {
  const { tls } = cluster;
  if (tls === null) return credentials.createInsecure();
  const validation = validationOf(tls, secrets);
  if (validation === null)
    throw new Error(`the cluster "${cluster.name}" has TLS without a trusted_ca: discovery could not be recognised`);
  const context = createSecureContext(contextOptions(tls, certificateOf(tls, secrets), validation));
  return credentials.createFromSecureContext(context, {
    rejectUnauthorized: true,
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => faultOf(certificate, validation),
  });
}

function contextOptions(
  tls: UpstreamTls,
  certificate: TlsCertificate | null,
  validation: ValidationContext,
): SecureContextOptions {
  return {
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ...(validation.trustedCa === null ? {} : { ca: validation.trustedCa }),
    ...(validation.crl === null ? {} : { crl: validation.crl }),
    ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.privateKey }),
    ...(tls.cipherSuites.length === 0 ? {} : { ciphers: tls.cipherSuites.join(':') }),
    ...(tls.ecdhCurves.length === 0 ? {} : { ecdhCurve: tls.ecdhCurves.join(':') }),
  };
}

function certificateOf(tls: UpstreamTls, secrets: ReadonlyMap<string, Secret>): TlsCertificate | null {
  const [source] = tls.certificates;
  if (source === undefined) return null;
  if (source.kind === 'inline') return source.certificate;
  const secret = secrets.get(source.name);
  return secret?.kind === 'certificate' ? secret.certificate : null;
}

function validationOf(tls: UpstreamTls, secrets: ReadonlyMap<string, Secret>): ValidationContext | null {
  const { validation } = tls;
  if (validation === null) return null;
  const context = validation.kind === 'inline' ? validation.context : merged(validation, secrets);
  return context === null || context.trustedCa === null ? null : context;
}

/** What SDS brings, over the defaults of a combined context. */
function merged(
  source: Extract<NonNullable<UpstreamTls['validation']>, { kind: 'sds' }>,
  secrets: ReadonlyMap<string, Secret>,
): ValidationContext | null {
  const secret = secrets.get(source.name);
  if (secret?.kind !== 'validation') return null;
  const { context } = secret;
  const names = context.subjectAltNames.length > 0 ? context.subjectAltNames : (source.defaults?.subjectAltNames ?? []);
  return { ...context, subjectAltNames: names };
}

/** What else than the chain is asked of discovery's certificate; without wanted names the chain suffices, as in Envoy. */
function faultOf({ raw }: PeerCertificate, validation: ValidationContext): Error | undefined {
  const fault = peerFault(validation, readCertificate(new X509Certificate(raw)));
  return fault === null ? undefined : new Error(`discovery is not who it has to be: ${fault.reason}`);
}
